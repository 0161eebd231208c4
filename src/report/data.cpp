// From a Result and its inputs to the data of a page.
#include "report/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "report/base64.h"
#include "report/inputs.h"
#include "report/layers.h"

namespace mho::report {

namespace {

using nlohmann::json;

Examples examples_of(const Result& result, const Options& options) {
  const auto all = static_cast<std::int64_t>(result.target.size());
  const Examples examples{options.first, std::min(options.last, all)};
  if (examples.first < 0 || examples.first >= examples.last) {
    throw Error(Code::kInvalidArgument, fmt::format("report: there are {} examples, counted from 0", all));
  }
  for (const auto& [name, input] : options.inputs) {
    if (input.shape().empty() || input.shape()[0] == all) continue;
    throw Error(Code::kInvalidArgument,
                fmt::format("report: input '{}' has {} examples, the result {}; give the examples that were attributed",
                            name, input.shape()[0], all));
  }
  return examples;
}

template <class T>
std::vector<T> part(const std::vector<T>& all, Examples examples) {
  if (all.size() < static_cast<std::size_t>(examples.last)) return {};
  return {all.begin() + examples.first, all.begin() + examples.last};
}

/// Adds a block and returns its id.
template <class T>
std::string add(std::vector<Block>& blocks, const std::vector<T>& values) {
  blocks.push_back({fmt::format("block-{}", blocks.size()), base64(std::as_bytes(std::span(values)))});
  return blocks.back().id;
}

const char* name_of(Detail detail) {
  return detail == Detail::kNeurons ? "neurons" : detail == Detail::kChannels ? "channels" : "top";
}

json describe_layer(const LayerResult& layer, Examples examples, bool split, const Plan& plan,
                    std::vector<Block>& blocks) {
  const View seen = view(layer, examples, split);
  const Sums sum = sums(seen);
  Kept kept = keep(seen, plan);
  json row = {{"name", layer.name},
              {"node", layer.node},
              {"op", layer.op},
              {"cut", layer.cut},
              {"shape", seen.shape},
              {"channels", seen.channels},
              {"positions", seen.positions},
              {"residual", part(layer.residual, examples)},
              {"cancellation", part(layer.cancellation, examples)},
              {"estimated_error", part(layer.estimated_error, examples)},
              {"precision_error", layer.precision_error},
              {"positive", sum.positive},
              {"negative", sum.negative},
              {"detail", name_of(plan.detail)},
              {"magnitude", kept.magnitude},
              {"values", add(blocks, kept.values)}};
  if (plan.detail == Detail::kTop) row["index"] = std::move(kept.index);
  if (plan.detail == Detail::kChannels) row["positionSums"] = add(blocks, kept.positions);
  return row;
}

json describe_inputs(const Options& options, Examples examples, std::size_t room, std::vector<Block>& blocks,
                     json& notes) {
  json inputs = json::array();
  for (const auto& [name, array] : options.inputs) {
    if (array.size() == 0) continue;
    const Shape shape(array.shape().begin() + 1, array.shape().end());
    json row = {{"name", name}, {"shape", shape}};
    if (const auto letters = sequence(array, examples)) {
      row.update({{"kind", "dna"}, {"length", letters->length}, {"lettersFirst", letters->letters_first}});
      if (base64_size(letters->letters.size()) > room) continue;
      row["data"] = add(blocks, letters->letters);
    } else {
      const std::size_t one = base64_size(static_cast<std::size_t>(element_count(shape)));
      Examples shown = examples;
      if (one > 0) shown.last = std::min(shown.last, shown.first + static_cast<std::int64_t>(room / one));
      if (shown.count() == 0) continue;
      const auto pixels = picture(array, shown);
      if (!pixels) continue;
      if (shown.count() < examples.count()) {
        notes.push_back(fmt::format("pictures of the first {} of {} examples", shown.count(), examples.count()));
      }
      row.update({{"kind", "image"},
                  {"height", pixels->height},
                  {"width", pixels->width},
                  {"channels", pixels->channels},
                  {"examples", shown.count()},
                  {"smallest", pixels->smallest},
                  {"largest", pixels->largest}});
      row["data"] = add(blocks, pixels->pixels);
    }
    room -= std::min(room, blocks.back().text.size());
    inputs.push_back(std::move(row));
  }
  return inputs;
}

/// Labels of the targets that occur, by index: a page need not carry a dictionary of a language model.
json used_labels(const Result& result, const Options& options) {
  json labels = json::object();
  for (const std::int64_t target : result.target) {
    if (target < 0 || static_cast<std::size_t>(target) >= options.labels.size()) continue;
    labels[fmt::format("{}", target)] = options.labels[static_cast<std::size_t>(target)];
  }
  return labels;
}

std::string note(const LayerResult& layer, const Extents& extents, const Plan& plan) {
  const std::size_t neurons = extents.channels * extents.positions;
  if (plan.detail == Detail::kChannels) {
    return fmt::format("{}: sums by channel and by position instead of {} neurons", layer.name, neurons);
  }
  return fmt::format("{}: the {} {} of largest mean magnitude, of {}", layer.name, plan.top,
                     extents.positions > 1 ? "channels" : "neurons", extents.channels);
}

/// Whether the document has what the page's scripts read without asking (docs/cli.md, mho evaluate).
bool is_evaluation(const json& document) {
  if (!document.is_object() || !document.value("layers", json()).is_array() || document["layers"].empty()) return false;
  const auto is_curve = [](const json& method, const char* name, std::size_t points) {
    if (!method.contains(name) || !method[name].is_object()) return false;
    return std::ranges::all_of(std::array{"value", "low", "high"}, [&](const char* part) {
      return method[name].contains(part) && method[name][part].is_array() && method[name][part].size() == points;
    });
  };
  return std::ranges::all_of(document["layers"], [&](const json& layer) {
    if (!layer.is_object() || !layer.contains("name") || !layer["name"].is_string() || !layer.contains("units") ||
        !layer["units"].is_number() || !layer.contains("removed") || !layer["removed"].is_array() ||
        !layer.contains("methods") || !layer["methods"].is_array()) {
      return false;
    }
    const std::size_t points = layer["removed"].size();
    return std::ranges::all_of(layer["methods"], [&](const json& method) {
      return method.is_object() && method.contains("name") && method["name"].is_string() && method.contains("scores") &&
             method["scores"].is_object() && is_curve(method, "deletion", points) &&
             is_curve(method, "insertion", points);
    });
  });
}

json parse_evaluation(const std::string& text) {
  if (text.empty()) return nullptr;
  json document = json::parse(text, nullptr, false);
  if (document.is_discarded() || !is_evaluation(document)) {
    throw Error(Code::kInvalidArgument, "report: the evaluation is not what `mho evaluate` writes as JSON");
  }
  // Scores of every example are not shown.
  for (json& layer : document["layers"]) {
    for (json& method : layer["methods"]) {
      for (auto& [name, score] : method["scores"].items()) {
        if (score.is_object()) score.erase("per_example");
      }
    }
  }
  return document;
}

std::string default_title(const Result& result) {
  const auto find = [&](const char* key) {
    const auto it = result.metadata.find(key);
    return it == result.metadata.end() ? std::string() : it->second;
  };
  const std::string model = find("model");
  const std::string file = std::filesystem::path(model).filename().string();
  return fmt::format("{}: {} of {}", file.empty() ? "model" : file,
                     find("method").empty() ? "attributions" : find("method"), result.target_tensor);
}

/// As UTF-8, whatever was in the texts, and without '<', which occurs in texts only.
std::string safe_text(const json& document) {
  const std::string text = document.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

}  // namespace

Data make_data(const Result& result, const Options& options, std::size_t reserved) {
  const Examples examples = examples_of(result, options);
  const auto split_text = result.metadata.find("split_by_input");
  const bool split = split_text != result.metadata.end() && split_text->second == "true";
  const std::string title = options.title.empty() ? default_title(result) : options.title;

  Data data;
  json notes = json::array();
  json document = {{"title", title},
                   {"target_tensor", result.target_tensor},
                   {"target_note", result.target_note},
                   {"batching", result.batching},
                   {"micro_batch", result.micro_batch},
                   {"run", json(result.metadata)},
                   {"first", options.numbered_from + examples.first},
                   {"count", examples.count()},
                   {"f_input", part(result.f_input, examples)},
                   {"f_baseline", part(result.f_baseline, examples)},
                   {"target", part(result.target, examples)},
                   {"evaluations", part(result.evaluations, examples)},
                   {"steps", part(result.steps, examples)},
                   {"converged", part(result.converged, examples)},
                   {"labels", used_labels(result, options)},
                   {"evaluation", parse_evaluation(options.evaluation)}};

  // Sums and errors of layers are texts of their own; they come first, then inputs, then values.
  std::size_t taken = reserved + safe_text(document).size() + result.layers.size() * (1024 + 100 * examples.count());
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(options.max_bytes, 0));
  const auto left = [&] { return most > taken ? most - taken : 0; };
  document["inputs"] = describe_inputs(options, examples, left() / 4, data.blocks, notes);
  for (const Block& block : data.blocks) taken += block.text.size();

  std::vector<Extents> extents;
  for (const LayerResult& layer : result.layers) {
    const View seen = view(layer, {examples.first, examples.first}, split);
    extents.push_back({seen.channels, seen.positions});
  }
  const std::vector<Plan> plans = plan_layers(extents, examples.count(), left());
  json layers = json::array();
  for (std::size_t i = 0; i < plans.size(); ++i) {
    layers.push_back(describe_layer(result.layers[i], examples, split, plans[i], data.blocks));
    if (plans[i].detail != Detail::kNeurons) notes.push_back(note(result.layers[i], extents[i], plans[i]));
  }
  document["layers"] = std::move(layers);
  document["notes"] = std::move(notes);
  data.json = safe_text(document);
  data.title = json::parse(json(title).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
  return data;
}

}  // namespace mho::report
