#include "eval/run_rows.h"

namespace compass::eval {
namespace {

class Rows {
 public:
  Rows(const RunSettings& settings, const RunPlan& plan,
       const std::vector<std::optional<Measurement>>& measurements)
      : settings_(settings), plan_(plan), measurements_(measurements) {}

  std::vector<Row> operator()() {
    for (size_t c = 0; c < settings_.contestants.size(); ++c) {
      for (const Layout& layout : settings_.grid.layouts) {
        for (const std::string& setting : rate_settings(settings_, codec(c))) {
          for (size_t s = 0; s < plan_.sources().size(); ++s) {
            if (codec(c).kind() == StreamKind::kScalable) {
              one_stream_rows(s, c, layout, setting, kOneStream);
            } else {
              file_rows(s, c, layout, setting);
            }
          }
        }
        const std::optional<std::string> all = codec(c).ceiling();
        for (size_t s = 0; all && s < plan_.sources().size(); ++s)
          one_stream_rows(s, c, layout, *all, kCeiling);
      }
    }
    return std::move(rows_);
  }

 private:
  const EvaluatedCodec& codec(size_t contestant) const { return *settings_.contestants[contestant].codec; }

  const Measurement* find(size_t s, size_t c, const std::string& setting,
                          const std::vector<Size>& sizes) const {
    const std::optional<size_t> job = plan_.find({s, c, setting, sizes});
    return !job || !measurements_[*job] ? nullptr : &*measurements_[*job];
  }

  Row start_row(size_t s, size_t c, const Layout& layout, const std::string& setting, const char* scheme,
                size_t k) const {
    const Size size = layout_sizes(layout, plan_.sources()[s].size)[k];
    Row row;
    row.image = plan_.sources()[s].name;
    row.codec = codec(c).name();
    row.scheme = scheme;
    row.layout = layout.name;
    row.setting = setting;
    row.layer = static_cast<int>(k);
    row.layers = static_cast<int>(layout.scales.size());
    row.width = size.width;
    row.height = size.height;
    return row;
  }

  static void copy_layer(const Measurement& m, const Measurement::Layer& layer, Row& row) {
    row.psnr = layer.psnr;
    row.ms_ssim = layer.ms_ssim;
    row.seen = layer.seen;
    row.decode_seconds = layer.decode_seconds;
    row.encode_peak_kib = m.encode_peak_kib;
    row.decode_peak_kib = m.decode_peak_kib;
  }

  void one_stream_rows(size_t s, size_t c, const Layout& layout, const std::string& setting,
                       const char* scheme) {
    const Measurement* m = find(s, c, setting, layout_sizes(layout, plan_.sources()[s].size));
    if (m == nullptr) return;
    uint64_t below = 0;
    for (size_t k = 0; k < m->layers.size(); ++k) {
      Row row = start_row(s, c, layout, setting, scheme, k);
      copy_layer(*m, m->layers[k], row);
      row.bytes_total = m->layers[k].bytes;
      row.bytes = row.bytes_total - below;
      row.encode_seconds = m->encode_seconds;
      below = row.bytes_total;
      rows_.push_back(std::move(row));
    }
  }

  void file_rows(size_t s, size_t c, const Layout& layout, const std::string& setting) {
    const std::vector<Size> sizes = layout_sizes(layout, plan_.sources()[s].size);
    uint64_t total = 0;
    double encode_seconds = 0;
    bool complete = true;  // simulcast needs every layer below
    for (size_t k = 0; k < sizes.size(); ++k) {
      const Measurement* m = find(s, c, setting, {sizes[k]});
      if (m == nullptr) {
        complete = false;
        continue;
      }
      const Measurement::Layer& layer = m->layers.front();
      total += layer.bytes;
      encode_seconds += m->encode_seconds;
      for (const char* scheme : {kSingle, kSimulcast}) {
        const bool sum = scheme == kSimulcast;
        if (sum ? !settings_.contestants[c].simulcast || !complete : !settings_.contestants[c].single)
          continue;
        Row row = start_row(s, c, layout, setting, scheme, k);
        copy_layer(*m, layer, row);
        row.bytes = layer.bytes;
        row.bytes_total = sum ? total : layer.bytes;
        row.encode_seconds = sum ? encode_seconds : m->encode_seconds;
        rows_.push_back(std::move(row));
      }
    }
  }

  const RunSettings& settings_;
  const RunPlan& plan_;
  const std::vector<std::optional<Measurement>>& measurements_;
  std::vector<Row> rows_;
};

}  // namespace

std::vector<Row> rows_of(const RunSettings& settings, const RunPlan& plan,
                         const std::vector<std::optional<Measurement>>& measurements) {
  return Rows(settings, plan, measurements)();
}

}  // namespace compass::eval
