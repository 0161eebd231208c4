// Invariant: the time left is what the remaining examples take at the pace so far.
#include "progress_bar.h"

#include <gtest/gtest.h>

namespace mho::cli {
namespace {

TEST(ProgressBar, TellsShareEvaluationsAndTimeLeft) {
  EXPECT_EQ(progress_text({9, 36, 1480}, 14),
            "[######..................] 9/36 examples  25 %  1480 evaluations  0:42 left");
}

TEST(ProgressBar, HasNoTimeLeftWhileNothingIsDone) {
  EXPECT_EQ(progress_text({0, 36, 12}, 14), "[........................] 0/36 examples  0 %  12 evaluations");
}

TEST(ProgressBar, StaysInItsBoundsWhateverItIsTold) {
  EXPECT_EQ(progress_text({5, 3, 1}, 1), "[########################] 5/3 examples  100 %  1 evaluations  0:00 left");
  EXPECT_EQ(progress_text({0, 0, 0}, 0), "[........................] 0/0 examples  0 %  0 evaluations");
}

TEST(ProgressBar, DurationsAreRoundedUpToSeconds) {
  EXPECT_EQ(duration_text(0.2), "0:01");
  EXPECT_EQ(duration_text(61), "1:01");
  EXPECT_EQ(duration_text(3723), "1:02:03");
  EXPECT_EQ(duration_text(-5), "0:00");
  EXPECT_EQ(duration_text(1e300), "999:00:00");
}

}  // namespace
}  // namespace mho::cli
