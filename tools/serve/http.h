// What a web server asks of us and gets: requests and answers without any of HTTP's framing. The server
// itself is a module (http_module.cc), loaded by those commands alone that need one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"

namespace compass::tools::serve {

struct Request {
  std::string target;  // path and query, as they were sent: percent signs are still there
  std::string host;    // the Host header, as it was sent; may be empty
  std::string accept;  // the Accept header; empty: anything
  std::string accept_encoding;
  std::string if_none_match;  // entity tags that the client has
  bool has_range = false;     // wants a part of the bytes
};

// Bytes of an answer: in memory, shared with whoever keeps them, or a file's.
class Body {
 public:
  virtual ~Body() = default;
  virtual uint64_t size() const = 0;
  // Up to `size` bytes from `offset` on into `out`; how many were read. 0: the file was cut meanwhile.
  virtual size_t read(uint64_t offset, uint8_t* out, size_t size) const = 0;
};

std::shared_ptr<const Body> body_of(std::string text);
std::shared_ptr<const Body> body_of(std::vector<uint8_t> bytes);

using Headers = std::vector<std::pair<std::string, std::string>>;

// A whole answer to GET. The server cuts ranges out of it, and leaves the body out for HEAD.
struct Answer {
  int status = 200;
  std::string type;  // of the content, such as "image/webp"
  Headers headers;   // beside its type and length
  std::shared_ptr<const Body> body;
};

// An answer of one line of text; a newline is added.
Answer text_answer(int status, const std::string& line);

using Handler = std::function<Answer(const Request&)>;

struct ServerOptions {
  std::string address = "127.0.0.1";
  int port = 0;      // 0: any that is free
  int threads = 16;  // connections served at once; others wait
};

// A server that listens. Handlers run on its threads, several at once.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  virtual int port() const = 0;
  // Serves until stop(), and then until answers on their way are sent. Error: kFailure.
  virtual Status run() = 0;
  // From any thread.
  virtual void stop() = 0;
};

struct HttpModule {
  // Binds the address. Errors: kIo (in use, not ours, not allowed).
  Result<std::unique_ptr<HttpServer>> (*listen)(const ServerOptions& options, Handler handler);
};

// The module's only visible symbol, and its type.
inline constexpr const char* kHttpModuleEntry = "compass_http_module";
using HttpModuleEntry = const HttpModule*();

// The module, found and loaded by the first call. Errors: kFailure (a broken installation).
Result<const HttpModule*> http_module();

}  // namespace compass::tools::serve
