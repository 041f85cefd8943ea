// Pictures of .cmps files as JPEG, PNG or WebP: any part, at any size that is no larger.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "bitstream/container.h"
#include "common/library.h"
#include "core/result.h"
#include "core/thread_pool.h"
#include "serve/answer_cache.h"
#include "serve/folder.h"
#include "serve/iiif.h"

namespace compass::tools::serve {

struct RendererOptions {
  std::string model;                   // its file; empty: whichever of those installed the file names
  compass_options codec = defaults();  // its `threads` are shared by all that is decoded
  int at_once = 2;                     // pictures decoded at the same time
  int waiting = 64;                    // requests that wait for that; more are turned away
  uint64_t cache_bytes = 64 << 20;

  static compass_options defaults() {
    compass_options options;
    compass_options_init(&options);
    return options;
  }
};

// For any number of threads.
class Renderer {
 public:
  explicit Renderer(RendererOptions options);

  // What the file says of itself. Errors: kBadFile, kIo.
  Result<ContainerHeader> header(const OpenFile& file) const;

  // The bytes of a picture file. `name`: of the .cmps file, within the folder. Errors: kCancelled (too many
  // wait), kBadFile, kDamaged, kModel, kIo, kFailure.
  Result<std::shared_ptr<const Body>> render(const OpenFile& file, const std::string& name,
                                             const ContainerHeader& header, const Rendering& rendering);

 private:
  class Turn;
  Result<std::shared_ptr<const compass_model>> model_for(const DecoderId& id, const std::string& name);

  RendererOptions options_;
  std::unique_ptr<compass_threads, Freed<compass_threads_free>> threads_;
  ThreadPool pool_;  // for what is done to pictures once they are decoded
  AnswerCache cache_;
  std::mutex mutex_;
  std::condition_variable turn_over_;
  int working_ = 0;
  int waiting_ = 0;
  std::map<std::string, std::shared_ptr<const compass_model>> models_;  // by decoder id
};

// The smallest layer that has at least the rendering's pixels.
size_t layer_for(const ContainerHeader& header, const Rendering& rendering);

}  // namespace compass::tools::serve
