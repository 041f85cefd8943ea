/* Shows a file layer by layer while it arrives: writes shown-0.ppm, shown-1.ppm, ...
 *
 *   curl -s https://example.org/photo.cmps | decode_progressively lite.safetensors
 */
#include <compass/compass.h>
#include <stdio.h>
#include <stdlib.h>

static compass_error error;

static void check(compass_status status) {
  if (status == COMPASS_OK) return;
  fprintf(stderr, "%s\n", error.message);
  exit(status);
}

static void show(compass_reader* reader) {
  compass_layer layer;
  compass_output output;
  char name[32];
  compass_layer_init(&layer);
  compass_output_init(&output);
  check(compass_reader_next(reader, &layer, &error));
  output.size = (size_t)3 * layer.width * layer.height;
  output.pixels = malloc(output.size);
  if (output.pixels == NULL) exit(1);
  check(compass_reader_next_layer(reader, &output, &layer, &error));
  snprintf(name, sizeof name, "shown-%d.ppm", layer.layer);
  FILE* file = fopen(name, "wb");
  if (file == NULL || fprintf(file, "P6 %d %d 255\n", layer.width, layer.height) < 0 ||
      fwrite(output.pixels, 1, output.size, file) != output.size || fclose(file) != 0) {
    perror(name);
    exit(COMPASS_IO);
  }
  free(output.pixels);
  printf("layer %d: %dx%d\n", layer.layer, layer.width, layer.height);
}

int main(int argc, char** argv) {
  compass_model* model = NULL;
  compass_decoder* decoder = NULL;
  compass_reader* reader = NULL;
  uint8_t bytes[4096];
  size_t count = 0;
  check(compass_model_load(argc > 1 ? argv[1] : "lite.safetensors", &model, &error));
  check(compass_decoder_create(model, NULL, &decoder, &error));
  check(compass_reader_create(decoder, NULL, &reader, &error));
  while ((count = fread(bytes, 1, sizeof bytes, stdin)) > 0) {
    check(compass_reader_push(reader, bytes, count, &error));
    while (compass_reader_ready(reader) >= 0) show(reader);
  }
  compass_reader_free(reader);
  compass_decoder_free(decoder);
  compass_model_free(model);
  return 0;
}
