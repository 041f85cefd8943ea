#include "serve/site_answers.h"

#include <fmt/format.h>

namespace compass::tools::serve {

std::string joined(std::span<const std::string> path) {
  std::string text;
  for (const std::string& part : path) text += text.empty() ? part : '/' + part;
  return text;
}

Answer not_found() {
  return text_answer(404, "there is no such file here");
}

Answer refused(const Error& error) {
  return text_answer(error.code == ErrorCode::kUsage ? 400 : 501, error.message);
}

Answer failed(const Error& error) {
  if (error.code != ErrorCode::kCancelled)
    return text_answer(500, "the picture cannot be shown: " + error.message);
  Answer busy = text_answer(503, error.message);
  busy.headers.emplace_back("Retry-After", "1");
  return busy;
}

bool has_tag(const std::string& if_none_match, const std::string& tag) {
  return if_none_match == "*" || if_none_match.find(tag) != std::string::npos;
}

Answer kept_by_clients(const Request& request, Answer answer, const std::string& tag) {
  const std::string quoted = fmt::format("\"{}\"", tag);
  answer.headers.emplace_back("ETag", quoted);
  answer.headers.emplace_back("Cache-Control", "no-cache");
  if (answer.status == 200 && has_tag(request.if_none_match, quoted)) {
    answer.status = 304;
    answer.body = nullptr;
  }
  return answer;
}

}  // namespace compass::tools::serve
