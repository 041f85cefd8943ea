// Which quality to try next, for a file of a wanted size: quality rises, and so does what it costs.
#pragma once

#include <optional>
#include <vector>

namespace compass {

// Looks for a setting of 0 to `last` whose cost is at most `limit`, and at least a share of it where there is
// one. Costs are above 0 and rise with the setting, about exponentially. Where they were seen to fall, a few
// settings beside the place where they pass the limit are tried, too.
class QualitySearch {
 public:
  QualitySearch(double limit, double share, int first, int last);

  // The setting to try; none: it is done.
  std::optional<int> next() const;
  // What a setting that was tried costs.
  void tell(int setting, double cost);
  // Of those that were tried the one that costs most within the limit; none: not even 0 does.
  std::optional<int> best() const;

 private:
  struct Tried {
    int setting;
    double log_cost;
  };
  double slope() const;
  bool falls_somewhere() const;
  std::optional<int> beside(int below, int above) const;

  double limit_;  // logarithms, as costs
  double least_;
  int first_;
  int last_;
  std::vector<Tried> tried_;
};

}  // namespace compass
