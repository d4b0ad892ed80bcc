# results.tsv of tools/compare (kind, seed, group, measure, value) to a picture in SVG: a panel for each measure, a line
# for each kind, a dot for each seed, a bar up to the mean where a measure is a cost.
BEGIN {
  FS = "\t"
  kMostTypes = 12  # question types; VQA-v2's 65 are left to the table
  kColumns = 4
  kLabels = 130; kPanel = 220; kGap = 40  # pixels: kinds' names, a panel, between panels
  kRow = 24; kHead = 34; kFoot = 30
  split("#4269d0 #d1603d #3ca951 #8a5cc2 #b0852b #17899b #c4508f #6b7280", colours, " ")
}

{
  if (!($1 in kind_seen)) { kind_seen[$1]; kinds[++kind_count] = $1 }
  if (!(($3, $4) in measure_seen)) { measure_seen[$3, $4]; measures[$3, ++measure_count[$3]] = $4 }
  key = $1 SUBSEP $3 SUBSEP $4
  values[key, ++count[key]] = $5
  sum[key] += $5
}

function escaped(text) {
  gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text)
  return text
}

function say(x, y, anchor, class, text) {
  printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">%s</text>\n", x, y, anchor, class, escaped(text)
}

# 1, 2 or 5 times a power of ten, for about three steps over a range.
function step_of(range,   raw, power) {
  if (range <= 0) return 1
  raw = range / 3
  power = 10 ^ int(log(raw) / log(10) - (raw < 1))
  return (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10) * power
}

function shown(value, step) {
  if (step >= 1e6) return sprintf("%.1fM", value / 1e6)
  if (value >= 1e4) return sprintf("%.0fk", value / 1e3)
  return sprintf(step < 1 ? "%.1f" : "%.0f", value)
}

# The range of an axis into `low` and `high`: costs begin at 0, accuracies where the worst is.
function find_range(group, measure,   k, s, key, v, first) {
  first = 1
  for (k = 1; k <= kind_count; ++k) {
    key = kinds[k] SUBSEP group SUBSEP measure
    for (s = 1; s <= count[key]; ++s) {
      v = values[key, s]
      if (first || v < low) low = v
      if (first || v > high) high = v
      first = 0
    }
  }
  if (group == "cost") low = 0
  step = step_of(high > low ? high - low : 1)
  low = int(low / step) * step
  if (high <= low) high = low + step
  high = (int(high / step - 1e-9) + 1) * step
}

function place(value) { return left + (value - low) / (high - low) * kPanel }

function axis(top,   v, bottom) {
  bottom = top + kHead + kind_count * kRow
  for (v = low; v <= high + step / 1e3; v += step) {
    printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" class=\"grid\"/>\n", place(v), place(v), top + kHead - 4, bottom
    say(place(v), bottom + 15, "middle", "tick", shown(v, step))
  }
}

function panel(group, measure, top,   k, s, y, key, mean, colour) {
  find_range(group, measure)
  say(left, top + 18, "start", "title", measure (group == "cost" ? "" : ", %"))
  axis(top)
  for (k = 1; k <= kind_count; ++k) {
    key = kinds[k] SUBSEP group SUBSEP measure
    if (!count[key]) continue
    y = top + kHead + (k - 0.5) * kRow
    mean = sum[key] / count[key]
    colour = colours[(k - 1) % 8 + 1]
    if (group == "cost")
      printf "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"12\" fill=\"%s\" fill-opacity=\"0.35\"/>\n", left, y - 6, place(mean) - left, colour
    else
      printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"3\"/>\n", place(mean), place(mean), y - 8, y + 8, colour
    for (s = 1; s <= count[key]; ++s)
      printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\" fill-opacity=\"0.7\"/>\n", place(values[key, s]), y, colour
  }
}

# The panels of one group from `top` on; returns where they end.
function panels(group, heading, top,   m, k, column, line, y, height) {
  if (!measure_count[group]) return top
  say(10, top + 16, "start", "heading", heading)
  top += 24
  height = kHead + kind_count * kRow + kFoot
  for (m = 1; m <= measure_count[group]; ++m) {
    column = (m - 1) % kColumns
    line = int((m - 1) / kColumns)
    y = top + line * height
    left = kLabels + column * (kPanel + kGap)
    if (column == 0)
      for (k = 1; k <= kind_count; ++k)
        say(kLabels - 12, y + kHead + (k - 0.5) * kRow + 4, "end", "kind", kinds[k])
    panel(group, measures[group, m], y)
  }
  return top + (int((measure_count[group] - 1) / kColumns) + 1) * height + 10
}

function lines_of(group) { return measure_count[group] ? int((measure_count[group] - 1) / kColumns) + 1 : 0 }

END {
  if (measure_count["question type"] > kMostTypes) measure_count["question type"] = 0
  lines = lines_of("accuracy") + lines_of("cost") + lines_of("question type")
  groups = 2 + (measure_count["question type"] > 0)
  width = kLabels + kColumns * (kPanel + kGap)
  height = lines * (kHead + kind_count * kRow + kFoot) + groups * 34 + 20
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", width, height, width, height
  print "<style>text { font-family: sans-serif; fill: #222 } .heading { font-size: 15px; font-weight: bold }" \
        " .title { font-size: 13px; font-weight: bold } .kind { font-size: 13px } .tick { font-size: 11px; fill: #555 }" \
        " .grid { stroke: #ddd }</style>"
  print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
  y = panels("accuracy", "Accuracy: a dot for each seed, a bar at their mean", 8)
  y = panels("cost", "What it costs", y)
  panels("question type", "Accuracy by question type", y)
  print "</svg>"
}
