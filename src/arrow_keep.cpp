#include "arrow_keep.h"

#include <atomic>
#include <cstdlib>

namespace tandemlab {

struct Keep {
  SEXP cell;   // its place in the list below
  Keep* next;  // in the queue
};

namespace {

// One preserved list, linked both ways: CAR is the cell before, CDR the cell behind, TAG the
// object. R_PreserveObject for each column would cost time in proportion to what is preserved.
SEXP objects = nullptr;
std::atomic<Keep*> queue{nullptr};
std::atomic<std::int64_t> count{0};

void after_collection(SEXP sentinel);

// An object that nothing refers to: R finalizes it with the next garbage collection.
void watch_collections() {
  SEXP sentinel = PROTECT(R_MakeExternalPtr(nullptr, R_NilValue, R_NilValue));
  R_RegisterCFinalizer(sentinel, after_collection);
  UNPROTECT(1);
}

void after_collection(SEXP) {
  empty_queue();
  if (count.load() > 0) {
    watch_collections();
  } else {
    R_ReleaseObject(objects);
    objects = nullptr;
  }
}

}  // namespace

Keep* keep(SEXP x) {
  PROTECT(x);
  if (objects == nullptr) {
    objects = Rf_cons(R_NilValue, R_NilValue);
    R_PreserveObject(objects);
    watch_collections();
  }
  SEXP behind = CDR(objects);
  SEXP cell = PROTECT(Rf_cons(objects, behind));
  Keep* kept = static_cast<Keep*>(std::malloc(sizeof(Keep)));
  if (kept != nullptr) {
    SET_TAG(cell, x);
    SETCDR(objects, cell);
    if (behind != R_NilValue) SETCAR(behind, cell);
    kept->cell = cell;
    kept->next = nullptr;
    count++;
  }
  UNPROTECT(2);
  return kept;
}

void give_back(Keep* kept) {
  Keep* first = queue.load();
  do {
    kept->next = first;
  } while (!queue.compare_exchange_weak(first, kept));
}

void empty_queue() {
  Keep* kept = queue.exchange(nullptr);
  while (kept != nullptr) {
    Keep* next = kept->next;
    SEXP before = CAR(kept->cell), behind = CDR(kept->cell);
    SETCDR(before, behind);
    if (behind != R_NilValue) SETCAR(behind, before);
    SET_TAG(kept->cell, R_NilValue);
    std::free(kept);
    count--;
    kept = next;
  }
}

std::int64_t kept_objects() { return count.load(); }

}  // namespace tandemlab
