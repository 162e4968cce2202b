#ifndef TANDEMLAB_ARROW_ROUNDING_H
#define TANDEMLAB_ARROW_ROUNDING_H

#include <cmath>

namespace tandemlab {

// nearbyint() without a call, which it costs where the compiler may not assume a recent processor:
// doubles of this size have no bits left for fractions.
inline double nearest(double value) {
  constexpr double no_fractions = 6755399441055744.0;  // 1.5 * 2^52
  constexpr double largest = 2251799813685248.0;       // 2^51
  if (!(std::fabs(value) < largest)) return std::nearbyint(value);
  return (value + no_fractions) - no_fractions;
}

}  // namespace tandemlab

#endif
