// Data-parallel training: the processes of a run, over PyTorch's own collectives (c10d).
#pragma once

#include <torch/torch.h>

#include <memory>
#include <vector>

namespace compass::train {

// The processes that a launcher started together, found in the environment: RANK, WORLD_SIZE, LOCAL_RANK,
// MASTER_ADDR and MASTER_PORT as torchrun sets them, or SLURM_PROCID, SLURM_NTASKS and SLURM_LOCALID where
// those are absent. Without either, a single process. Collectives block until every process has called them,
// in the same order; they throw c10::Error when a process is lost.
class Peers {
 public:
  Peers();  // alone
  static Peers from_environment(bool cuda);
  Peers(Peers&&) noexcept;
  Peers& operator=(Peers&&) noexcept;
  ~Peers();

  int rank() const { return rank_; }
  int size() const { return size_; }
  int local_rank() const { return local_rank_; }  // which of its machine's devices a process uses
  bool first() const { return rank_ == 0; }

  // Sums the tensor (float, contiguous) over all processes, in place.
  void sum(torch::Tensor& values) const;
  // Gives every process the first one's tensors.
  void broadcast(const std::vector<torch::Tensor>& values) const;

 private:
  struct Group;
  int rank_ = 0, size_ = 1, local_rank_ = 0;
  std::unique_ptr<Group> group_;  // null when alone
};

}  // namespace compass::train
