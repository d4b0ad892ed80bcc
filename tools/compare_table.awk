# results.tsv of tools/compare (kind, seed, group, measure, value) to two tables in Markdown.
BEGIN { FS = "\t" }

{
  if (!(($1) in kind_seen)) { kind_seen[$1]; kinds[++kind_count] = $1 }
  if (!(($3, $4) in measure_seen)) { measure_seen[$3, $4]; measures[$3, ++measure_count[$3]] = $4 }
  key = $1 SUBSEP $3 SUBSEP $4
  ++count[key]
  sum[key] += $5
  squares[key] += $5 * $5
}

function mean(key) { return sum[key] / count[key] }

function deviation(key,   n, variance) {
  n = count[key]
  variance = (squares[key] - sum[key] * sum[key] / n) / (n - 1)
  return variance > 0 ? sqrt(variance) : 0
}

function accuracy(key) {
  if (!count[key]) return "-"
  return sprintf("%.1f", mean(key)) (count[key] > 1 ? sprintf(" ± %.1f", deviation(key)) : "")
}

function grouped(number,   text, out) {
  text = sprintf("%.0f", number)
  while (length(text) > 3) { out = "," substr(text, length(text) - 2) out; text = substr(text, 1, length(text) - 3) }
  return text out
}

function cost(key, measure) {
  if (!count[key]) return "-"
  return measure == "ms a step" ? sprintf("%.1f", mean(key)) : grouped(mean(key))
}

function rule(columns,   i, line) {
  line = "|---|"
  for (i = 1; i <= columns; ++i) line = line "---|"
  return line
}

END {
  line = "| kind |"
  for (m = 1; m <= measure_count["accuracy"]; ++m) line = line " " measures["accuracy", m] " |"
  for (m = 1; m <= measure_count["cost"]; ++m) line = line " " measures["cost", m] " |"
  print line
  print rule(measure_count["accuracy"] + measure_count["cost"])
  for (k = 1; k <= kind_count; ++k) {
    line = "| `" kinds[k] "` |"
    for (m = 1; m <= measure_count["accuracy"]; ++m)
      line = line " " accuracy(kinds[k] SUBSEP "accuracy" SUBSEP measures["accuracy", m]) " |"
    for (m = 1; m <= measure_count["cost"]; ++m)
      line = line " " cost(kinds[k] SUBSEP "cost" SUBSEP measures["cost", m], measures["cost", m]) " |"
    print line
  }
  line = "\n| question type |"
  for (k = 1; k <= kind_count; ++k) line = line " `" kinds[k] "` |"
  print line
  print rule(kind_count)
  for (m = 1; m <= measure_count["question type"]; ++m) {
    line = "| " measures["question type", m] " |"
    for (k = 1; k <= kind_count; ++k)
      line = line " " accuracy(kinds[k] SUBSEP "question type" SUBSEP measures["question type", m]) " |"
    print line
  }
}
