// Answers made smaller for the network, where clients read that.
#pragma once

#include "serve/answer_cache.h"
#include "serve/http.h"

namespace compass::tools::serve {

// For any number of threads.
class Compressor {
 public:
  Compressor();

  // Text and the like by gzip, if the client said that it reads it and wants all of it; other answers as they
  // are. The entity tag becomes a weak one, since the bytes are others.
  Answer compressed(const Request& request, Answer answer);

 private:
  AnswerCache cache_;
};

}  // namespace compass::tools::serve
