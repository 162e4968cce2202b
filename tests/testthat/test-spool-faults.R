# tier: full
test_that("a killed job keeps every logged point, in order, none twice", {
  seed <- as.integer(Sys.time())
  thresholds <- withr::with_seed(seed, sample(9000, 3))
  for (threshold in thresholds) {
    directory <- local_job()
    acknowledged <- withr::local_tempfile()
    pid <- start_r(c(
      "library(tandemlab)",
      sprintf("acknowledged <- file(%s, 'wb')", encodeString(acknowledged, quote = "'")),
      "for (i in 1:10000) {",
      "  log_metric_to_run('point', i)",
      "  writeBin(i, acknowledged)",
      "  flush(acknowledged)",
      "}"
    ))
    wait_until(function() isTRUE(file.size(acknowledged) >= 4 * threshold))
    tools::pskill(pid, tools::SIGKILL)
    wait_until(function() has_ended(pid))
    events <- read_spool(directory)
    count <- file.size(acknowledged) %/% 4
    info <- sprintf("seed %d, threshold %d", seed, threshold)
    expect_gte(length(events), count)
    expect_lte(length(events), count + 1)
    expect_equal(vapply(events, `[[`, 0, "value"), seq_along(events), info = info)
    expect_equal(vapply(events, `[[`, 0, "seq"), seq_along(events), info = info)
  }
})

test_that("a full disk is an error that leaves whole lines, and logging goes on later", {
  skip_on_os(c("windows", "mac"))
  skip_if_not(Sys.info()[["user"]] == "root", "mounting a small disk needs root")
  mount <- withr::local_tempdir()
  made <- suppressWarnings(system2(
    "mount", c("-t", "tmpfs", "-o", "size=256k", "tmpfs", shQuote(mount)),
    stdout = FALSE, stderr = FALSE
  ))
  skip_if_not(made == 0, "this machine does not let tests mount a small disk")
  withr::defer(system2("umount", c("-l", shQuote(mount))))
  run <- new_run("demo_1", mount, "demo")
  dir.create(run$directory, recursive = TRUE)
  ballast <- file.path(mount, "ballast")
  writeBin(raw(64 * 1024), ballast)
  logged <- 0
  problem <- tryCatch(
    repeat {
      log_metric_to_run("text", strrep("x", 999), run)
      logged <- logged + 1
    },
    tandemlab_error_storage_error = identity
  )
  expect_s3_class(problem, "tandemlab_error_storage_error")
  expect_match(problem$hint, "disk is full")
  expect_length(read_spool(run$directory), logged)
  unlink(ballast)
  log_metric_to_run("text", "again", run)
  events <- read_spool(run$directory)
  expect_equal(vapply(events, `[[`, 0, "seq"), seq_len(logged + 1))
})

test_that("a file that does not fit leaves nothing behind", {
  skip_on_os(c("windows", "mac"))
  skip_if_not(Sys.info()[["user"]] == "root", "mounting a small disk needs root")
  mount <- withr::local_tempdir()
  made <- suppressWarnings(system2(
    "mount", c("-t", "tmpfs", "-o", "size=128k", "tmpfs", shQuote(mount)),
    stdout = FALSE, stderr = FALSE
  ))
  skip_if_not(made == 0, "this machine does not let tests mount a small disk")
  withr::defer(system2("umount", c("-l", shQuote(mount))))
  run <- new_run("demo_1", mount, "demo")
  dir.create(run$directory, recursive = TRUE)
  source <- withr::local_tempfile()
  writeBin(raw(1e6), source)
  expect_error(
    upload_files_to_run("big.bin", source, run), class = "tandemlab_error_storage_error"
  )
  expect_length(list.files(mount, "[.]bin$|^[0-9a-z]{26}$", recursive = TRUE), 0)
})

# A library that sets the clock back by a minute with each look at it.
clock_that_goes_back <- function(env = parent.frame()) {
  folder <- withr::local_tempdir(.local_envir = env)
  writeLines(c(
    "#define _GNU_SOURCE", "#include <dlfcn.h>", "#include <time.h>",
    "int clock_gettime(clockid_t clock, struct timespec *now) {",
    "  static int (*real)(clockid_t, struct timespec *);",
    "  static long looks;",
    "  if (!real) *(void **) &real = dlsym(RTLD_NEXT, \"clock_gettime\");",
    "  int answer = real(clock, now);",
    "  if (clock == CLOCK_REALTIME) now->tv_sec -= 60 * looks++;",
    "  return answer;",
    "}"
  ), file.path(folder, "clock.c"))
  withr::with_dir(folder, {
    system2(file.path(R.home("bin"), "R"), c("CMD", "SHLIB", "clock.c", "-ldl"),
      stdout = FALSE, stderr = FALSE
    )
  })
  file.path(folder, paste0("clock", .Platform$dynlib.ext))
}

# tier: full
test_that("times do not go back with the clock", {
  skip_on_os(c("windows", "mac"))
  directory <- local_job()
  withr::local_envvar(LD_PRELOAD = clock_that_goes_back())
  pid <- start_r(c("library(tandemlab)", "for (i in 1:5) log_metric_to_run('point', i)"))
  wait_until(function() has_ended(pid))
  events <- read_spool(directory)
  expect_equal(vapply(events, `[[`, 0, "value"), 1:5)
  expect_equal(diff(vapply(events, `[[`, 0, "time")), rep(0, 4))
})
