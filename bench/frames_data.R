# The frames that cross in frames.R, files.R and frames_rpy2.py.

# Functions that make the frames, by name: one at a time, since R's garbage collector looks at every
# string that is there.
frame_makers <- function(rows) {
  with_missing <- function(x) {
    x[sample.int(length(x), length(x) %/% 100)] <- NA
    x
  }
  texts <- function(distinct) {
    data.frame(x = sprintf("category_%07d", sample.int(distinct, rows, distinct < rows)))
  }
  times <- function(n) {
    structure(floor(runif(n, 0, 2e9)), class = c("POSIXct", "POSIXt"), tzone = "UTC")
  }
  mixed <- function(part) {
    columns <- rep(list(
      rnorm(part), with_missing(seq_len(part)), sample(c("low", "high"), part, TRUE),
      factor(sample(letters, part, TRUE)), times(part)
    ), 10)
    as.data.frame(columns, col.names = paste0("x", seq_along(columns)))
  }
  list(
    doubles = function() {
      data.frame(a = rnorm(rows), b = rnorm(rows), c = rnorm(rows), d = rnorm(rows))
    },
    integer = function() data.frame(x = with_missing(sample.int(1000L, rows, TRUE))),
    logical = function() data.frame(x = with_missing(sample(c(TRUE, FALSE), rows, TRUE))),
    strings_10 = function() texts(10),
    strings_1e5 = function() texts(1e5),
    strings_all = function() texts(rows),
    factor_10 = function() data.frame(x = factor(sample(letters[1:10], rows, TRUE))),
    factor_1e5 = function() {
      data.frame(x = factor(sprintf("level_%06d", sample.int(1e5, rows, TRUE))))
    },
    date = function() {
      data.frame(x = as.Date(sample.int(20000L, rows, TRUE), origin = "1970-01-01"))
    },
    posixct = function() data.frame(x = times(rows)),
    mixed = function() mixed(rows %/% 10),
    small = function() {
      data.frame(
        x = rnorm(10), y = letters[1:10], z = 1:10, f = factor(letters[1:10]), t = times(10)
      )
    }
  )
}

# Whether what came back says the same, class by class and value by value.
same_frame <- function(x, y) {
  is.data.frame(y) && identical(dim(x), dim(y)) && all(mapply(function(a, b) {
    identical(class(a), class(b)) && identical(attr(a, "levels"), attr(b, "levels")) &&
      identical(is.na(a), is.na(b)) && isTRUE(all.equal(as.vector(a), as.vector(b)))
  }, x, y))
}

# The vectors alone, for the limits.
bare <- function(x) {
  lapply(x, function(column) {
    attributes(column) <- NULL
    column
  })
}

# A part of a frame for what takes minutes with the whole; the time is scaled.
part_of <- function(x, share) x[seq_len(max(10L, nrow(x) %/% share)), , drop = FALSE]

# Seconds of each function in turn, `repeats` times, after one turn that is not counted. No turn but
# the first begins once `budget` seconds have gone.
# With `often` each turn is many in a row, since the first one waits for memory.
by_turns <- function(functions, repeats, budget = 8, often = FALSE) {
  times <- matrix(0, repeats, length(functions), dimnames = list(NULL, names(functions)))
  began <- clock()
  rounds <- 0L
  for (i in seq_len(repeats + 1) - 1L) {
    if (i > 1 && clock() - began > budget) break
    rounds <- max(i, 1L)
    for (name in if (i %% 2 == 0) names(functions) else rev(names(functions))) {
      gc(FALSE)
      once <- seconds(functions[[name]], often)
      if (i > 0) times[i, name] <- once
    }
  }
  as.list(as.data.frame(times[seq_len(rounds), , drop = FALSE]))
}

# Many times where once is too short to tell.
seconds <- function(work, often) {
  started <- clock()
  result <- work()
  once <- clock() - started
  if (once > 0.002 && !often) {
    return(once)
  }
  count <- max(2L, as.integer(0.02 / max(once, 1e-6)))
  started <- clock()
  for (i in seq_len(count)) work()
  (clock() - started) / count
}

clock <- function() as.numeric(Sys.time())
