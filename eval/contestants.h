// From the names on the command line to the codecs that take part.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "eval/compass_codec.h"
#include "eval/peers/shvc_layers.h"
#include "eval/results.h"
#include "eval/rivals.h"
#include "eval/run_settings.h"

namespace compass::eval {

struct ContestantInputs {
  PictureFiles files;
  std::vector<CompassPoint> compass;  // empty: our codec cannot take part
  CodecOptions options;
  std::string program;  // hash of this program
  ShvcPrograms shvc;
  std::vector<Rival> rivals;           // take part, too
  std::vector<std::string> qualities;  // of those that are models for all rates
};

// The names that may be asked for: compass, effort (ours with a search), single-layer and simulcast (our base
// codec alone), bicubic (ours without LIFF), the peers.
std::vector<std::string> contestant_names();

// Whether one of these codecs is ours.
bool need_model(const std::vector<std::string>& names);

// The codecs of these names, each once. A peer whose programs are missing is left out and listed in `missing`
// with the line that says how to install it. Errors: kUsage (an unknown name), kModel (ours, without a
// model).
Result<std::vector<Contestant>> make_contestants(const std::vector<std::string>& names,
                                                 const ContestantInputs& inputs,
                                                 std::vector<Failure>& missing);

}  // namespace compass::eval
