// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Who is in the list of tagged buffers.
#include "datapath/tags.hpp"

#include <bit>

namespace soft {

TagList::TagList(uint32_t max_tags) : buffers_(max_tags), handle_step_(std::bit_ceil(max_tags)) {
    for (uint32_t place = max_tags; place-- > 0;) {
        buffers_[place].handle = place;
        buffers_[place].after = free_;
        free_ = &buffers_[place];
    }
}

TagBuffer &TagList::add() noexcept {
    TagBuffer &buffer = *free_;
    free_ = buffer.after;
    buffer.handle += handle_step_;
    buffer.place = TagBuffer::Place::list;
    buffer.before = last_;
    buffer.after = nullptr;
    (last_ != nullptr ? last_->after : first_) = &buffer;
    last_ = &buffer;
    if (asleep_ == nullptr && is_behind()) asleep_ = &buffer;
    return buffer;
}

TagBuffer *TagList::find(uint32_t handle) noexcept {
    const uint32_t place = handle & (handle_step_ - 1);
    return place < buffers_.size() ? &buffers_[place] : nullptr;
}

void TagList::unlink(TagBuffer &buffer) noexcept {
    (buffer.before != nullptr ? buffer.before->after : first_) = buffer.after;
    (buffer.after != nullptr ? buffer.after->before : last_) = buffer.before;
    if (asleep_ == &buffer) asleep_ = buffer.after;
}

void TagList::remove(TagBuffer &buffer) noexcept {
    unlink(buffer);
    release(buffer);
}

void TagList::release(TagBuffer &buffer) noexcept {
    buffer.place = TagBuffer::Place::free;
    buffer.after = free_;
    free_ = &buffer;
}

TagBuffer *TagList::match(uint64_t tag) noexcept {
    for (TagBuffer *buffer = first_; buffer != asleep_; buffer = buffer->after) {
        if ((tag & buffer->mask) != buffer->tag) continue;
        unlink(*buffer);
        buffer->place = TagBuffer::Place::message;
        return buffer;
    }
    return nullptr;
}

}  // namespace soft
