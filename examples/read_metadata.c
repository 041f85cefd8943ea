/* Lists what is in a file, from its first bytes: layers, and what metadata it carries. Needs no model.
 *
 *   read_metadata photo.cmps
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

int main(int argc, char** argv) {
  static const char* const kNames[] = {"", "ICC profile", "Exif", "XMP", "IPTC"};
  static compass_info info;
  uint8_t* data = NULL;
  size_t size = 0, wanted = 1024;
  FILE* file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (file == NULL) return fputs("usage: read_metadata FILE\n", stderr), COMPASS_USAGE;
  /* The header first, then up to the first layer: that is where metadata ends. */
  for (int parsed = 0; !parsed || size < wanted;) {
    data = realloc(data, wanted);
    if (data == NULL) return COMPASS_FAILURE;
    size += fread(data + size, 1, wanted - size, file);
    const compass_status status = compass_read_info(data, size, &info, &error);
    if (status != COMPASS_DAMAGED || size < wanted) check(status);
    parsed = status == COMPASS_OK;
    wanted = parsed ? info.layers[0].offset : info.need;
    if (parsed && size < wanted && feof(file)) break;
  }
  for (int k = 0; k < info.layer_count; ++k) {
    const compass_layer_info* layer = &info.layers[k];
    printf("layer %d: %dx%d, quality %g, up to byte %llu\n", k, layer->width, layer->height, layer->quality,
           (unsigned long long)layer->end);
  }
  for (int i = 0; i < info.metadata_count; ++i) {
    const uint32_t type = info.metadata[i].type;
    compass_bytes bytes;
    check(compass_read_metadata(data, size, type, &bytes, &error));
    printf("%s: %zu bytes\n", type <= COMPASS_IPTC ? kNames[type] : "of another type", bytes.size);
    compass_bytes_free(&bytes);
  }
  free(data);
  return fclose(file);
}
