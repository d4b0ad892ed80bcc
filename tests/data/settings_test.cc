#include "data/settings.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/data/error_of.h"

namespace data {
namespace {

constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

TEST(Range, HoldsItsBoundsUnlessTheyAreRefused) {
  const Range<double> closed{.least = 0, .most = 1},
      open{.least = 0, .most = 1, .above_least = true, .below_most = true};
  EXPECT_TRUE(closed.holds(0) && closed.holds(0.5) && closed.holds(1));
  EXPECT_FALSE(closed.holds(-0.1) || closed.holds(1.1) || closed.holds(kNoNumber));
  EXPECT_TRUE(open.holds(0.5));
  EXPECT_FALSE(open.holds(0) || open.holds(1) || open.holds(kNoNumber));
  EXPECT_TRUE(Range<double>{.least = 0}.holds(1e300));
}

TEST(Range, SaysWhatIsAllowed) {
  EXPECT_EQ((Range<int64_t>{.least = 0, .most = INT64_MAX}).text(), "0 to 9223372036854775807");
  EXPECT_EQ((Range<double>{.least = 1, .most = 65'536}).text(), "1 to 65536");
  EXPECT_EQ((Range<double>{.least = 0}).text(), "0 or more");
  EXPECT_EQ((Range<double>{.least = 0, .above_least = true}).text(), "above 0");
  EXPECT_EQ(kBelowOne.text(), "0 up to but not including 1");
}

TEST(Settings, AreRefusedInOneWording) {
  EXPECT_EQ(error_of<std::invalid_argument>([] { check_value("dropout", 1.5, kBelowOne); }),
            "dropout: 1.5; allowed is 0 up to but not including 1");
  EXPECT_EQ(error_of<std::invalid_argument>([] { check_at_least("epochs", 0, 1); }), "epochs: 0; allowed is 1 or more");
  EXPECT_EQ(error_of<std::invalid_argument>([] { check_range("batch", 9, 1, 8); }), "batch: 9; allowed is 1 to 8");
  EXPECT_EQ(error_of<std::invalid_argument>([] {
              check_name("rule", "x", {"a", "b"});
            }),
            "rule: 'x'; allowed are a, b");
  check_range("batch", 8, 1, 8);
  check_name("rule", "b", {"a", "b"});
}

}  // namespace
}  // namespace data
