// What a run is asked to do, and what it says meanwhile.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "eval/codec.h"
#include "eval/grid.h"

namespace compass::eval {

// A codec and what to report of it.
struct Contestant {
  std::shared_ptr<const EvaluatedCodec> codec;
  bool simulcast = true;  // kPicture only: rows of one file per size, added up
  bool single = true;     // kPicture only: rows of each file alone
};

struct RunProgress {
  int done = 0;
  int total = 0;
  int cached = 0;           // of those done, taken from earlier runs
  double seconds_left = 0;  // estimate from the codecs' times so far; negative: not known yet
  std::string current;      // what was finished last
};

struct RunSettings {
  std::vector<std::string> images;  // paths
  std::vector<Contestant> contestants;
  Grid grid;
  PictureFiles files;
  std::string cache;              // directory of earlier results; made if need be
  int jobs = 1;                   // threads
  bool perceptual = false;        // also what programs that know of eyes say (eval/perceptual.h)
  std::set<std::string> samples;  // file names of pictures of which crops are kept (eval/picture_crop.h)
  std::function<void(const RunProgress&)> progress;  // called under a lock, after every job
  std::function<bool()> stop;  // asked before every job, by several threads; true ends the run
};

}  // namespace compass::eval
