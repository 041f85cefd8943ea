// The command lines of both programs: lines of the input are the arguments. What they ask for is not done,
// only understood or refused in one line.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/parse.h"
#include "compass/commands.h"
#include "lab/commands.h"

namespace {

using namespace compass;
using namespace compass::tools;

void require(bool holds) {
  if (!holds) std::abort();
}

template <typename T>
void check(const Result<T>& result) {
  if (result.ok()) return;
  const std::string& message = result.error().message;
  require(result.error().code == ErrorCode::kUsage && !message.empty());
  require(message.find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> words{"compass"};
  words.emplace_back();
  for (size_t i = 0; i < size; ++i) {
    if (data[i] == '\n') {
      words.emplace_back();
    } else if (data[i] != '\0') {
      words.back().push_back(static_cast<char>(data[i]));
    }
  }
  std::vector<const char*> arguments;
  for (const std::string& word : words) {
    arguments.push_back(word.c_str());
    check(parse_size(word));
    check(parse_sizes(word));
    check(parse_scales(word));
    check(parse_rect(word));
    check(parse_amount(word));
  }
  for (const Program& program : {compass_program(), lab_program()}) {
    CommandLine line(program);
    check(line.parse(static_cast<int>(arguments.size()), arguments.data()));
  }
  return 0;
}
