// Encodes and decodes a small picture through the installed C++ interface. argv[1]: a model.
#include <algorithm>
#include <compass/compass.hpp>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const compass::Model model(argv[1]);
  const std::vector<std::uint8_t> rgb(3 * 40 * 30, 90);
  const std::vector<std::uint8_t> file = compass::Encoder(model).encode(rgb.data(), {40, 30});
  compass::Decoder decoder(model);
  const compass::Picture small = decoder.decode(file, compass::layer(0));
  const compass::Picture exact = decoder.decode(file, compass::size(33, 7));
  const bool sizes = small.size().width == 10 && small.size().height == 7 && exact.size().width == 33;
  // As it arrives, and after its largest layer is taken away and added again.
  compass::Reader reader(decoder);
  std::vector<std::uint8_t> shown;
  int layers = 0;
  for (const std::uint8_t byte : file) {
    reader.push(&byte, 1);
    while (reader.is_ready()) {
      const compass::Layer next = reader.next();
      shown.resize(std::size_t{3} * next.width * next.height);
      compass::Output output;
      output.pixels = shown.data();
      output.size = shown.size();
      reader.next_layer(&output);
      ++layers;
    }
  }
  const compass::Picture top = decoder.decode(file);
  if (layers != 3 || !std::equal(shown.begin(), shown.end(), top.rgb())) return 1;
  const std::vector<std::uint8_t> part = compass::extract(file.data(), file.size(), 2);
  if (compass::Encoder(model).append(part, rgb.data(), {40, 30}) != file) return 1;
  try {
    decoder.decode(file, compass::layer(9));
    return 1;
  } catch (const compass::Error& error) {
    if (error.status() != COMPASS_USAGE) return 1;
  }
  std::puts(sizes ? "fine" : "wrong sizes");
  return sizes ? 0 : 1;
}
