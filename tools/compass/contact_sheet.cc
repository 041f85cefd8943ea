#include "contact_sheet.h"

#include <algorithm>
#include <cmath>

#include "common/text.h"
#include "image/resize.h"

namespace compass::tools {
namespace {

constexpr int kWidest = 1800;  // of all pictures together
constexpr int kMargin = 40;
constexpr int kGap = 28;     // between pictures
constexpr int kLeading = 8;  // between lines of text
constexpr Colour kPaper{0.988F, 0.984F, 0.973F};
constexpr Colour kInk{0.13F, 0.14F, 0.17F};
constexpr Colour kSoftInk{0.42F, 0.43F, 0.47F};
constexpr const char* kHeadingFont = "Sans Bold 20";
constexpr const char* kTitleFont = "Sans Bold 11";
constexpr const char* kDetailFont = "Sans 10";

struct Line {
  TextMask mask;
  Colour colour;
};

// A picture and its caption, laid out but not yet placed.
struct Cell {
  Image image;
  std::vector<Line> caption;
  int width = 0;
};

// The distance of lines of text. Text images are as high as their ink, so that a fixed distance keeps
// neighbouring captions aligned.
int line_height(const char* font) {
  return font == kTitleFont ? 15 + kLeading : 13 + kLeading;
}

Result<Cell> layout(const SheetEntry& entry, double scale) {
  Cell cell;
  const Size size = entry.image.size();
  const Size shown{std::max(1, static_cast<int>(std::lround(size.width * scale))),
                   std::max(1, static_cast<int>(std::lround(size.height * scale)))};
  cell.image = resize(entry.image, shown);
  cell.width = shown.width;
  Result<TextMask> title = render_text(entry.title, kTitleFont);
  if (!title) return title.error();
  cell.caption.push_back({*std::move(title), kInk});
  for (const std::string& detail : entry.details) {
    Result<TextMask> line = render_text(detail, kDetailFont);
    if (!line) return line.error();
    cell.caption.push_back({*std::move(line), kSoftInk});
  }
  for (const Line& line : cell.caption) cell.width = std::max(cell.width, line.mask.size.width);
  return cell;
}

void paste(const Image& part, int x, int y, Image& sheet) {
  for (int c = 0; c < 3; ++c) {
    for (int v = 0; v < part.height(); ++v) {
      std::copy(part.row(c, v), part.row(c, v) + part.width(), sheet.row(c, y + v) + x);
    }
  }
}

}  // namespace

Result<Image> contact_sheet(const std::string& heading, const std::string& subheading,
                            const std::vector<SheetEntry>& entries) {
  int64_t together = 0;
  for (const SheetEntry& entry : entries) together += entry.image.width();
  const double scale =
      std::min(1.0, static_cast<double>(kWidest) / static_cast<double>(std::max<int64_t>(1, together)));
  std::vector<Cell> cells;
  int width = 2 * kMargin - kGap;
  int picture_height = 0;
  size_t lines = 0;
  for (const SheetEntry& entry : entries) {
    Result<Cell> cell = layout(entry, scale);
    if (!cell) return cell.error();
    width += cell->width + kGap;
    picture_height = std::max(picture_height, cell->image.height());
    lines = std::max(lines, cell->caption.size());
    cells.push_back(*std::move(cell));
  }
  const Result<TextMask> head = render_text(heading, kHeadingFont);
  if (!head) return head.error();
  const Result<TextMask> subhead = render_text(subheading, kDetailFont);
  if (!subhead) return subhead.error();
  width = std::max(width, 2 * kMargin + head->size.width + kGap + subhead->size.width);

  const int head_bottom = kMargin + head->size.height;
  const int floor = head_bottom + kGap + picture_height;  // what the pictures stand on
  const int caption_height = line_height(kTitleFont) + static_cast<int>(lines - 1) * line_height(kDetailFont);
  Image sheet({width, floor + kLeading * 2 + caption_height + kMargin - kLeading});
  const float paper[3] = {kPaper.red, kPaper.green, kPaper.blue};
  for (int c = 0; c < 3; ++c) std::fill(sheet.plane(c).begin(), sheet.plane(c).end(), paper[c]);
  draw_mask(*head, kInk, kMargin, kMargin, sheet);
  draw_mask(*subhead, kSoftInk, kMargin + head->size.width + kGap / 2, head_bottom - subhead->size.height,
            sheet);
  int x = kMargin;
  for (const Cell& cell : cells) {
    paste(cell.image, x, floor - cell.image.height(), sheet);
    int y = floor + kLeading * 2;
    for (size_t i = 0; i < cell.caption.size(); ++i) {
      draw_mask(cell.caption[i].mask, cell.caption[i].colour, x, y, sheet);
      y += line_height(i == 0 ? kTitleFont : kDetailFont);
    }
    x += cell.width + kGap;
  }
  return sheet;
}

}  // namespace compass::tools
