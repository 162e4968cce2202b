some_run <- new_run("demo_1", tempdir(), "demo")

# What a live line leaves on a terminal of one line.
screen <- function(text) {
  line <- character()
  at <- 1
  for (character in strsplit(cli::ansi_strip(text), "")[[1]]) {
    if (character == "\r") {
      at <- 1
    } else {
      line[[at]] <- character
      at <- at + 1
    }
  }
  trimws(paste(line, collapse = ""), "right")
}

test_that("a live line is written over, and gone in the end", {
  progress <- new_progress(some_run, live = TRUE)
  shown <- utils::capture.output(type = "message", {
    progress$show("Queued", 0)
    progress$show("Running", 65)
  })
  expect_match(screen(shown), "Run demo_1 is Running 1 min 5 s$")
  gone <- utils::capture.output(progress$clear(), type = "message")
  expect_identical(screen(paste0(shown, gone)), "")
})

test_that("a live line waits for the end of a line of output", {
  progress <- new_progress(some_run, live = TRUE)
  progress$at_start_of_line <- FALSE
  shown <- utils::capture.output(progress$show("Running", 1), type = "message")
  expect_identical(shown, character())
})

test_that("a narrow terminal gets a short line", {
  withr::local_options(cli.width = 20)
  progress <- new_progress(some_run, live = TRUE)
  shown <- utils::capture.output(progress$show("CancelRequested", 10), type = "message")
  expect_lt(nchar(screen(shown)), 20)
})

test_that("elsewhere each change is one message", {
  progress <- new_progress(some_run, live = FALSE)
  expect_message(progress$show("Queued", 0), "^Run demo_1 is Queued.\n$")
  expect_no_message(progress$show("Queued", 5))
  expect_message(progress$show("Running", 3700), "is Running after 1 h 1 min.")
})

# tier: full
test_that("waiting tells of the run's life, and says nothing in a document unless asked", {
  exp <- local_experiment()
  source <- local_script("hello.R", "cat('hello\\n')")
  run <- submit_experiment(exp, script_run_config(source, "hello.R"))
  told <- testthat::capture_messages(
    expect_output(wait_for_run_completion(run, timeout_seconds = 60), "hello")
  )
  expect_match(told[[length(told)]], "is Completed")
  withr::local_options(knitr.in.progress = TRUE)
  expect_silent(wait_for_run_completion(run))
  expect_output(expect_no_message(
    wait_for_run_completion(run, show_output = TRUE, show_progress = FALSE)
  ), "hello")
})
