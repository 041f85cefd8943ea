// What a web site answers to any request: lines of the input are the target and the headers that it looks at.
// The folder has real files, and others, hidden or beside it, that must never be answered.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "serve/site.h"

namespace {

namespace fs = std::filesystem;
using namespace compass;
using namespace compass::tools::serve;

// Too long to be found by chance, and an input that has it, as a fuzzer's that saw it compared, is passed
// over: messages quote the request.
constexpr const char* kSecret = "what is beside the folder";

void require(bool holds) {
  if (!holds) std::abort();
}

// For the program's life.
Site& site() {
  static const std::unique_ptr<Site> it = [] {
    std::string name = (fs::temp_directory_path() / "site_fuzz.XXXXXX").string();
    require(mkdtemp(name.data()) != nullptr);
    const fs::path root = name, files = fs::path(COMPASS_SOURCE_DIR) / "tests/conformance/files";
    fs::create_directories(root / "open/sub");
    std::ofstream(root / "secret") << kSecret;
    std::ofstream(root / "open/.hidden") << kSecret;
    fs::create_symlink("../secret", root / "open/link");
    fs::copy_file(files / "odd.cmps", root / "open/a.cmps");
    fs::copy_file(files / "one-pixel.cmps", root / "open/sub/b.cmps");
    std::ofstream(root / "open/sub/index.html") << "page";
    SiteOptions options{.folder = (root / "open").string()};
    options.rendering.model = COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors";
    options.rendering.codec.threads = 1;
    options.rendering.codec.precision = COMPASS_F32;
    auto opened = Site::open(std::move(options));
    require(opened.ok());
    return *std::move(opened);
  }();
  return *it;
}

std::string text_of(const Body& body) {
  std::string text(static_cast<size_t>(body.size()), '\0');
  const size_t got = body.read(0, reinterpret_cast<uint8_t*>(text.data()), text.size());
  require(got == text.size());
  return text;
}

}  // namespace

// libvips keeps threads and memory to the end, where the search for leaks itself would crash.
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (input.find(kSecret) != std::string::npos) return 0;
  std::istringstream lines(input);
  Request request;
  std::getline(lines, request.target);
  std::getline(lines, request.accept);
  std::getline(lines, request.host);
  std::getline(lines, request.if_none_match);
  std::getline(lines, request.accept_encoding);
  request.has_range = size % 2 == 1;
  const Answer answer = site().answer(request);
  require(answer.status >= 200 && answer.status < 600);
  for (const auto& [name, value] : answer.headers) {
    require(!name.empty() && (name + value).find_first_of("\r\n") == std::string::npos);
  }
  if (answer.body == nullptr) return 0;
  require(text_of(*answer.body).find(kSecret) == std::string::npos);
  return 0;
}
