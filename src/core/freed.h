// Objects of C interfaces in std::unique_ptr.
#pragma once

namespace compass {

// A deleter that calls the interface's own function: std::unique_ptr<T, Freed<t_free>>.
template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

}  // namespace compass
