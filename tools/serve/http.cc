#include "serve/http.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "common/installed_part.h"

namespace compass::tools::serve {
namespace {

template <typename Bytes>
class MemoryBody : public Body {
 public:
  explicit MemoryBody(Bytes bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  size_t read(uint64_t offset, uint8_t* out, size_t size) const override {
    if (offset >= bytes_.size()) return 0;
    const size_t count = std::min<size_t>(size, bytes_.size() - static_cast<size_t>(offset));
    std::memcpy(out, bytes_.data() + offset, count);
    return count;
  }

 private:
  Bytes bytes_;
};

Result<const HttpModule*> load() {
  const std::string path = installed_part(COMPASS_HTTP_MODULE).string();
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays until the program ends
  void* const entry = library == nullptr ? nullptr : dlsym(library, kHttpModuleEntry);
  if (entry == nullptr) {
    return Error{ErrorCode::kFailure,
                 fmt::format("cannot load the part that serves: {}; install compass again", dlerror())};
  }
  return reinterpret_cast<HttpModuleEntry*>(entry)();
}

}  // namespace

std::shared_ptr<const Body> body_of(std::string text) {
  return std::make_shared<MemoryBody<std::string>>(std::move(text));
}

std::shared_ptr<const Body> body_of(std::vector<uint8_t> bytes) {
  return std::make_shared<MemoryBody<std::vector<uint8_t>>>(std::move(bytes));
}

Answer text_answer(int status, const std::string& line) {
  return {status, "text/plain; charset=utf-8", {}, body_of(line + "\n")};
}

Result<const HttpModule*> http_module() {
  static const Result<const HttpModule*> module = load();
  return module;
}

}  // namespace compass::tools::serve
