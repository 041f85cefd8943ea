// What a report must say about where its numbers come from.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "eval/codec.h"
#include "model_file/model.h"

namespace compass::eval {

using Facts = std::map<std::string, std::string>;

// "machine": processor, cores, memory, operating system.
std::string machine_fact();

// The commit that the program was built from, with "-dirty" if there were changes; "unknown" where there was
// no repository or no git. Made by eval/commit.cmake.
std::string commit_fact();

// Name, id, bytes on disk, parameters and rate points of a model.
std::string model_fact(const Model& model, const std::string& path);

// Hash of the running executable: what results of our codec are kept under.
std::string program_hash();

}  // namespace compass::eval
