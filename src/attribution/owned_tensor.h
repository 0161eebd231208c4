// Memory for one tensor of any layout: the engine's, by the name that measures use.
#pragma once

#include "engine/owned_tensor.h"

namespace mho::attribution {

using engine::OwnedTensor;

}  // namespace mho::attribution
