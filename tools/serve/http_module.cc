// The web server: cpp-httplib behind HttpModule. It reads requests, keeps connections, cuts ranges.
#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "serve/http.h"

namespace compass::tools::serve {
namespace {

// Requests have no bodies worth reading, and clients that wait hold a thread each.
constexpr size_t kMaxRequestBody = 1024;
constexpr time_t kPatience = 10;  // seconds for a client to send or take something
constexpr size_t kMaxRequests = 1000;
constexpr size_t kMaxRanges = 16;
constexpr size_t kPiece = 64 * 1024;  // bytes that are read and sent at once

Request request_of(const httplib::Request& from) {
  return {.target = from.target,
          .host = from.get_header_value("Host"),
          .accept = from.get_header_value("Accept"),
          .accept_encoding = from.get_header_value("Accept-Encoding"),
          .if_none_match = from.get_header_value("If-None-Match"),
          .has_range = from.has_header("Range")};
}

// Brings ranges to within `size`, as RFC 9110 (14.1.2) wants it and the library's older versions do not: they
// would send bytes past the end. A bound that was not given is -1; without the first, the last is a count of
// bytes from the end. False: one of the ranges has no byte.
bool clamp(httplib::Ranges& ranges, uint64_t size) {
  if (ranges.size() > kMaxRanges) return false;
  const auto end = static_cast<ssize_t>(size);
  for (auto& [first, last] : ranges) {
    if (first < 0) {
      if (last <= 0 || size == 0) return false;
      last = std::min(last, end);
    } else {
      if (first >= end || (last >= 0 && last < first)) return false;
      last = last < 0 ? end - 1 : std::min(last, end - 1);
    }
  }
  return true;
}

// Whether a client has a part of another version of this file and wants the rest only of that one (If-Range,
// RFC 9110, 13.1.5): it then gets the whole. A date, which our answers do not have, is another version, too.
bool is_of_another_version(const httplib::Request& request, const Answer& answer) {
  const std::string wanted = request.get_header_value("If-Range");
  const auto is_tag = [](const auto& header) { return header.first == "ETag"; };
  const auto tag = std::ranges::find_if(answer.headers, is_tag);
  return !wanted.empty() && (tag == answer.headers.end() || tag->second != wanted);
}

bool send(const Body& body, size_t offset, size_t length, httplib::DataSink& sink) {
  std::array<uint8_t, kPiece> piece;
  const size_t read = body.read(offset, piece.data(), std::min(length, piece.size()));
  return read > 0 && sink.write(reinterpret_cast<const char*>(piece.data()), read);
}

void fill(httplib::Ranges& ranges, const Answer& answer, httplib::Response& response) {
  for (const auto& [name, value] : answer.headers) response.set_header(name, value);
  const uint64_t size = answer.body == nullptr ? 0 : answer.body->size();
  if (answer.status == 200 && !clamp(ranges, size)) {
    response.status = 416;
    response.set_header("Content-Range", fmt::format("bytes */{}", size));
    return;
  }
  // Of what is whole the server makes 206 itself.
  if (answer.status != 200) response.status = answer.status;
  if (size == 0) {
    response.set_content("", answer.type);
    return;
  }
  response.set_content_provider(static_cast<size_t>(size), answer.type,
                                [body = answer.body](size_t offset, size_t length, httplib::DataSink& sink) {
                                  return send(*body, offset, length, sink);
                                });
}

class Server final : public HttpServer {
 public:
  Server(const ServerOptions& options, Handler handler) : handler_(std::move(handler)) {
    server_.new_task_queue = [threads = static_cast<size_t>(options.threads)] {
      return new httplib::ThreadPool(threads);  // owned by the server
    };
    server_.set_payload_max_length(kMaxRequestBody);
    server_.set_read_timeout(kPatience);
    server_.set_write_timeout(kPatience);
    server_.set_keep_alive_max_count(kMaxRequests);
    server_.set_tcp_nodelay(true);
    // All is answered here: no pattern is matched against what a client sent.
    server_.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
      return httplib::Server::HandlerResponse::Handled;
    });
    server_.set_exception_handler([](const httplib::Request& /*request*/, httplib::Response& response,
                                     const std::exception_ptr&) { response.status = 500; });
  }

  Status bind(const ServerOptions& options) {
    errno = 0;
    const bool bound = options.port == 0 ? (port_ = server_.bind_to_any_port(options.address)) > 0
                                         : server_.bind_to_port(options.address, port_ = options.port);
    if (bound) return {};
    return Error{ErrorCode::kIo, fmt::format("cannot listen on {} port {}: {}", options.address, options.port,
                                             errno == 0 ? "no such address" : std::strerror(errno))};
  }

  int port() const override { return port_; }
  Status run() override {
    const bool good = server_.listen_after_bind();
    ended_ = true;
    if (good) return {};
    return Error{ErrorCode::kFailure, "the server stopped by itself"};
  }
  // The library's own does nothing to a server that is about to listen: it would then run on.
  void stop() override {
    while (!server_.is_running() && !ended_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    server_.stop();
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    if (request.method == "OPTIONS") {
      response.status = 204;
      response.set_header("Allow", "GET, HEAD, OPTIONS");
      response.set_header("Access-Control-Allow-Origin", "*");
      response.set_header("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
      response.set_header("Access-Control-Allow-Headers", "Range, Accept");
      return;
    }
    if (request.method != "GET" && request.method != "HEAD") {
      response.status = 405;
      response.set_header("Allow", "GET, HEAD, OPTIONS");
      return;
    }
    const Answer answered = handler_(request_of(request));
    // The library's own variable, constant only in a handler's eyes.
    auto& ranges = const_cast<httplib::Request&>(request).ranges;
    if (answered.status != 200 || is_of_another_version(request, answered)) ranges.clear();
    fill(ranges, answered, response);
  }

  httplib::Server server_;
  Handler handler_;
  int port_ = 0;
  std::atomic<bool> ended_{false};
};

Result<std::unique_ptr<HttpServer>> listen(const ServerOptions& options, Handler handler) {
  auto server = std::make_unique<Server>(options, std::move(handler));
  if (const Status bound = server->bind(options); !bound) return bound.error();
  return std::unique_ptr<HttpServer>(std::move(server));
}

constexpr HttpModule kModule{.listen = listen};

}  // namespace
}  // namespace compass::tools::serve

extern "C" __attribute__((visibility("default"))) const compass::tools::serve::HttpModule*
compass_http_module() {
  return &compass::tools::serve::kModule;
}
