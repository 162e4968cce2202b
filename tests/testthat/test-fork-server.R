test_that("a second start of a job leaves it, and how it ends, to the first", {
  skip_if_not_installed("callr")
  place <- withr::local_tempdir()
  dir.create(file.path(place, "job", "claim"), recursive = TRUE)
  writeLines("1", file.path(place, "job", "pid"))
  is_left <- callr::r(function(place) {
    call <- function(name, ...) do.call(.Call, list(getNamespace("tandemlab")[[name]], ...))
    call("C_fork_start", 0L, 0L)
    call("C_fork_job", place, "nobody", 0L, 0L)
    call("C_fork_wait", 0L, TRUE)
    !file.exists(file.path(place, "job", "exit"))
  }, list(place))
  expect_true(is_left)
})
