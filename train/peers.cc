#include "peers.h"

#include <cstdlib>
#include <string>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef COMPASS_TRAIN_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace compass::train {
namespace {

std::string text(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// The first of the variables that is set, as a number.
int number(std::initializer_list<const char*> names, int fallback) {
  for (const char* name : names) {
    const std::string value = text(name);
    if (value.empty()) continue;
    size_t end = 0;
    int parsed = -1;
    try {
      parsed = std::stoi(value, &end);
    } catch (const std::exception&) {
      end = 0;
    }
    TORCH_CHECK(end == value.size() && parsed >= 0, "the environment's ", name, " is '", value,
                "', not a number");
    return parsed;
  }
  return fallback;
}

// From 2.4 on LibTorch's store takes libuv unless told otherwise, and Debian's LibTorch is built without.
template <typename Options>
void without_libuv(Options& options) {
  if constexpr (requires { options.useLibUV; }) options.useLibUV = false;
}

}  // namespace

struct Peers::Group {
  c10::intrusive_ptr<c10d::Store> store;
#ifdef COMPASS_TRAIN_NCCL
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> nccl;  // null on CPUs
#endif
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;

  template <typename Collective>
  void run(const torch::Tensor& tensor, const Collective& collective) {
    std::vector<torch::Tensor> list = {tensor};
#ifdef COMPASS_TRAIN_NCCL
    if (tensor.is_cuda()) {
      collective(*nccl, list)->wait();
      return;
    }
#endif
    if (!tensor.is_cuda()) {
      collective(*gloo, list)->wait();
      return;
    }
    // Without NCCL, by way of the host.
    list = {tensor.to(at::kCPU)};
    collective(*gloo, list)->wait();
    torch::Tensor target = tensor;
    target.copy_(list[0]);
  }
};

Peers::Peers() = default;
Peers::Peers(Peers&&) noexcept = default;
Peers& Peers::operator=(Peers&&) noexcept = default;
Peers::~Peers() = default;

Peers Peers::from_environment([[maybe_unused]] bool cuda) {
  Peers peers;
  peers.rank_ = number({"RANK", "SLURM_PROCID"}, 0);
  peers.size_ = number({"WORLD_SIZE", "SLURM_NTASKS"}, 1);
  peers.local_rank_ = number({"LOCAL_RANK", "SLURM_LOCALID"}, 0);
  TORCH_CHECK(peers.size_ >= 1 && peers.rank_ < peers.size_, "RANK is ", peers.rank_, " of WORLD_SIZE ",
              peers.size_);
  if (peers.size_ == 1) return peers;
  const std::string host = text("MASTER_ADDR");
  TORCH_CHECK(!host.empty(), "WORLD_SIZE is ", peers.size_,
              " but MASTER_ADDR is not set: where is process 0?");
  c10d::TCPStoreOptions store;
  store.port = static_cast<uint16_t>(number({"MASTER_PORT"}, 29500));
  // torchrun's agent keeps the store itself.
  store.isServer = peers.rank_ == 0 && text("TORCHELASTIC_USE_AGENT_STORE") != "True";
  store.numWorkers = static_cast<size_t>(peers.size_);
  store.waitWorkers = false;
  without_libuv(store);
  peers.group_ = std::make_unique<Group>();
  peers.group_->store = c10::make_intrusive<c10d::TCPStore>(host, store);
  const auto options = c10d::ProcessGroupGloo::Options::create();
  options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
  peers.group_->gloo =
      c10::make_intrusive<c10d::ProcessGroupGloo>(peers.group_->store, peers.rank_, peers.size_, options);
#ifdef COMPASS_TRAIN_NCCL
  if (cuda) {
    peers.group_->nccl =
        c10::make_intrusive<c10d::ProcessGroupNCCL>(peers.group_->store, peers.rank_, peers.size_);
  }
#endif
  return peers;
}

void Peers::sum(torch::Tensor& values) const {
  if (!group_) return;
  group_->run(values,
              [](auto& group, auto& list) { return group.allreduce(list, c10d::AllreduceOptions()); });
}

void Peers::broadcast(const std::vector<torch::Tensor>& values) const {
  if (!group_) return;
  const torch::NoGradGuard guard;
  for (const auto& value : values) {
    // Weights may lie in memory in any order; collectives want one.
    torch::Tensor flat = value.detach().contiguous();
    group_->run(flat,
                [](auto& group, auto& list) { return group.broadcast(list, c10d::BroadcastOptions()); });
    torch::Tensor target = value;
    target.copy_(flat);
  }
}

}  // namespace compass::train
