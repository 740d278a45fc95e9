// A dataset without files: ten figures drawn with strokes, turned, moved, bent, partly
// crossed by a stray stroke, and covered with noise. For tests and first steps: small,
// and too varied for a linear classifier.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <utility>

#include "framework/core/digest.h"
#include "framework/core/parallel.h"
#include "framework/core/random.h"
#include "framework/data/source.h"

namespace bitsweep {
namespace {

// Enough that the default validation split of 5000 leaves as many to train on.
constexpr std::size_t kTrainingImages = 10000;
constexpr std::size_t kTestImages = 2000;

struct Point {
  float x, y;
};

struct Segment {
  Point from, to;
};

using Polyline = std::vector<Point>;
// In [-1, 1] x [-1, 1], y downwards.
using Figure = std::vector<Polyline>;

// From angle `begin` to `end`, in full turns, its radius going from `inner` to 1.
Polyline arc(float begin, float end, float inner = 1) {
  constexpr int kPoints = 20;
  Polyline line;
  for (int i = 0; i < kPoints; ++i) {
    const float t = float(i) / (kPoints - 1);
    const float angle = 2 * std::numbers::pi_v<float> * (begin + (end - begin) * t);
    const float radius = inner + (1 - inner) * t;
    line.push_back({radius * std::cos(angle), radius * std::sin(angle)});
  }
  return line;
}

// The corners of a regular polygon, joined in steps of `stride`, the first one on top.
Polyline polygon(int corners, int stride) {
  Polyline line;
  for (int i = 0; i <= corners; ++i) {
    const float turns = float(i * stride) / float(corners) - 0.25f;
    const float angle = 2 * std::numbers::pi_v<float> * turns;
    line.push_back({std::cos(angle), std::sin(angle)});
  }
  return line;
}

struct NamedFigure {
  std::string name;
  Figure strokes;
};

const std::vector<NamedFigure>& figures() {
  static const std::vector<NamedFigure> all = {
      {"ring", {arc(0, 1)}},
      {"arc", {arc(0.1f, 0.75f)}},
      {"spiral", {arc(0, 1.75f, 0.1f)}},
      {"triangle", {polygon(3, 1)}},
      {"square",
       {{{-0.8f, -0.8f}, {0.8f, -0.8f}, {0.8f, 0.8f}, {-0.8f, 0.8f}, {-0.8f, -0.8f}}}},
      {"star", {polygon(5, 2)}},
      {"plus", {{{-1, 0}, {1, 0}}, {{0, -1}, {0, 1}}}},
      {"tee", {{{-1, -0.8f}, {1, -0.8f}}, {{0, -0.8f}, {0, 1}}}},
      {"zigzag", {{{-0.9f, -0.8f}, {0.9f, -0.8f}, {-0.9f, 0.8f}, {0.9f, 0.8f}}}},
      {"bars", {{{-0.5f, -0.9f}, {-0.5f, 0.9f}}, {{0.5f, -0.9f}, {0.5f, 0.9f}}}},
  };
  return all;
}

// Draws of one image, in the order in which they are asked for.
class Draws {
 public:
  explicit Draws(RandomStream random) : random_(random) {}
  float between(float low, float high) {
    return low + (high - low) * random_.uniform_at(next_++);
  }

 private:
  RandomStream random_;
  std::uint32_t next_ = 0;
};

// Turns, squeezes, scales and moves points of a figure into an image of `size` pixels.
class Placement {
 public:
  Placement(Draws& draws, float size)
      : angle_(draws.between(-0.45f, 0.45f)),
        width_(draws.between(0.2f, 0.36f) * size),
        height_(width_ * draws.between(0.75f, 1.3f)),
        centre_{size * draws.between(0.4f, 0.6f), size * draws.between(0.4f, 0.6f)} {}

  Point operator()(Point p) const {
    const float x = p.x * width_;
    const float y = p.y * height_;
    const float cosine = std::cos(angle_);
    const float sine = std::sin(angle_);
    return {centre_.x + cosine * x - sine * y, centre_.y + sine * x + cosine * y};
  }

 private:
  float angle_, width_, height_;
  Point centre_;
};

std::vector<Segment> place(const Figure& figure, Draws& draws, float size) {
  const Placement placement(draws, size);
  const float bend = 0.04f * size;
  std::vector<Segment> segments;
  for (const auto& line : figure) {
    // Arcs have many points and keep their curve; corners are moved one by one.
    const float jitter = line.size() > 8 ? 0 : bend;
    Polyline placed;
    for (const Point p : line) {
      const Point q = placement(p);
      placed.push_back(
          {q.x + draws.between(-jitter, jitter), q.y + draws.between(-jitter, jitter)});
    }
    for (std::size_t i = 1; i < placed.size(); ++i) {
      segments.push_back({placed[i - 1], placed[i]});
    }
  }
  return segments;
}

// A short stroke anywhere, which belongs to no figure.
Segment stray_stroke(Draws& draws, float size) {
  const Point from{draws.between(0, size), draws.between(0, size)};
  const float reach = 0.25f * size;
  return {from,
          {from.x + draws.between(-reach, reach), from.y + draws.between(-reach, reach)}};
}

// Lowers each pixel's squared distance to that from `segment`.
void measure(Segment segment, int size, std::vector<float>& squared_distance) {
  const float dx = segment.to.x - segment.from.x;
  const float dy = segment.to.y - segment.from.y;
  const float inverse_length = 1 / std::max(dx * dx + dy * dy, 1e-6f);
  for (int row = 0; row < size; ++row) {
    const float y = float(row) + 0.5f - segment.from.y;
    float* out = squared_distance.data() + row * size;
    for (int column = 0; column < size; ++column) {
      const float x = float(column) + 0.5f - segment.from.x;
      const float along = (x * dx + y * dy) * inverse_length;
      const float t = std::min(std::max(along, 0.0f), 1.0f);
      const float across_x = x - t * dx;
      const float across_y = y - t * dy;
      out[column] = std::min(out[column], across_x * across_x + across_y * across_y);
    }
  }
}

// The sum of four uniform bytes, near enough to a bell, in mean 0 and deviation 1.
float noise(std::uint32_t bits) {
  const std::uint32_t sum =
      (bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24);
  constexpr float kDeviation = 147.8f;  // sqrt(4 * (256^2 - 1) / 12)
  return float(int(sum) - 510) * (1 / kDeviation);
}

// How one channel is painted.
struct Paint {
  float ground, ink, noise_level;
};

// One channel's bytes, from each pixel's cover by strokes.
void paint(Paint paint, RandomStream grain, std::span<const float> cover,
           std::span<std::uint8_t> plane) {
  const auto pixels = std::uint32_t(plane.size());
  for (std::uint32_t i = 0; i < pixels; ++i) {
    const float value = paint.ground + (paint.ink - paint.ground) * cover[i] +
                        paint.noise_level * noise(grain.bits_at(i)) + 0.5f;
    plane[i] = std::uint8_t(int(std::min(std::max(value, 0.0f), 255.0f)));
  }
}

// How far each pixel is covered by strokes `half_width` to either side of their segments.
std::vector<float> cover(const std::vector<Segment>& segments, float half_width,
                         ImageShape shape) {
  std::vector<float> values(shape.pixels(), std::numeric_limits<float>::max());
  for (const auto& segment : segments) measure(segment, shape.width, values);
  for (auto& value : values) {
    value = std::min(std::max(half_width + 0.5f - std::sqrt(value), 0.0f), 1.0f);
  }
  return values;
}

// One image of `figure`, a pure function of `random`.
void draw(const Figure& figure, const RandomStream& random, ImageShape shape,
          std::uint8_t* pixels) {
  const auto size = float(shape.width);
  Draws draws(random.substream(0));
  auto segments = place(figure, draws, size);
  segments.push_back(stray_stroke(draws, size));
  const auto covered = cover(segments, draws.between(0.6f, 1.4f), shape);
  const float noise_level = draws.between(5, 45);
  std::vector<std::uint8_t> plane(shape.pixels());
  for (std::size_t c = 0; c < std::size_t(shape.channels); ++c) {
    const float ground = draws.between(0, 80);
    const float ink = ground + draws.between(60, 175);
    paint({ground, ink, noise_level}, random.substream(1 + c), covered, plane);
    for (std::size_t i = 0; i < plane.size(); ++i) {
      pixels[i * std::size_t(shape.channels) + c] = plane[i];
    }
  }
}

ImageSet draw_set(std::size_t count, const RandomStream& random, ImageShape shape) {
  ImageSet set{shape, std::vector<std::uint8_t>(count * shape.elements()),
               std::vector<std::uint8_t>(count)};
  constexpr std::size_t kImagesPerBlock = 100;
  const int blocks = int((count + kImagesPerBlock - 1) / kImagesPerBlock);
  parallel_blocks(blocks, [&](int block) {
    const std::size_t begin = std::size_t(block) * kImagesPerBlock;
    for (std::size_t i = begin; i < std::min(count, begin + kImagesPerBlock); ++i) {
      set.labels[i] = std::uint8_t(i % figures().size());
      draw(figures()[set.labels[i]].strokes, random.substream(i), shape,
           set.pixels.data() + i * shape.elements());
    }
  });
  return set;
}

void add(Sha256& sum, const ImageSet& set) {
  sum.update(set.pixels.data(), set.pixels.size());
  sum.update(set.labels.data(), set.labels.size());
}

WholeDataset draw_shapes(const DatasetInfo& info) {
  const RandomStream random(1, info.id);
  WholeDataset whole;
  whole.training = draw_set(kTrainingImages, random.substream(0), info.shape);
  whole.test = draw_set(kTestImages, random.substream(1), info.shape);
  whole.title = info.title;
  Sha256 sum;
  add(sum, whole.training);
  add(sum, whole.test);
  whole.checksum = sum.hex();
  return whole;
}

DatasetSource shapes_source(std::string id, std::string title, ImageShape shape) {
  const DatasetInfo info{std::move(id),
                         std::move(title),
                         shape,
                         int(figures().size()),
                         "drawn by the program, no files needed",
                         "bitsweep draws it (framework/data/shapes.cpp)",
                         "bitsweep's own"};
  std::vector<std::string> names;
  for (const auto& figure : figures()) names.push_back(figure.name);
  return {info, names, [info](const auto&) { return draw_shapes(info); }};
}

}  // namespace

std::vector<DatasetSource> shapes_sources() {
  return {shapes_source("shapes", "Shapes", {28, 28, 1}),
          shapes_source("shapes-rgb", "Shapes (colour)", {32, 32, 3})};
}

}  // namespace bitsweep
