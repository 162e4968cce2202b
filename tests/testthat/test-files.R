test_that("an uploaded file is there with its bytes and its event", {
  directory <- local_job()
  source <- withr::local_tempfile()
  bytes <- as.raw(sample(0:255, 1e5, replace = TRUE))
  writeBin(bytes, source)
  upload_files_to_run("outputs/d\u00fc/model.bin", source)
  stored <- file.path(directory, "files", "outputs/d\u00fc/model.bin")
  expect_identical(readBin(stored, "raw", 2e5), bytes)
  event <- read_spool(directory)[[1]]
  expect_identical(event$kind, "file")
  expect_identical(event$value, list(size = 100000L))
})

test_that("a name is used once", {
  local_job()
  source <- withr::local_tempfile(lines = "a")
  upload_files_to_run("a.txt", source)
  expect_error(upload_files_to_run("a.txt", source), class = "tandemlab_error_already_exists")
})

test_that("names that leave the run or mean nothing are refused, and nothing is copied", {
  directory <- local_job()
  source <- withr::local_tempfile(lines = "a")
  bad <- c(
    "../a", "/a", "a/../b", "./a", "a//b", "a/", "a\\b", "a\nb", strrep("x", 256),
    paste(rep(strrep("x", 200), 6), collapse = "/")
  )
  for (name in bad) {
    expect_error(
      upload_files_to_run(c("good.txt", name), c(source, source)),
      class = "tandemlab_error_invalid_input"
    )
  }
  expect_false(dir.exists(file.path(directory, "files")))
})

test_that("a folder or a missing file cannot be uploaded as a file", {
  local_job()
  expect_error(upload_files_to_run("a", tempdir()), "upload_folder_to_run")
  expect_error(upload_files_to_run("a", tempfile()), "not there")
  expect_error(upload_files_to_run(c("a", "b"), tempfile()), "do not fit")
})

test_that("a folder is uploaded with what is below it", {
  directory <- local_job()
  folder <- withr::local_tempdir()
  dir.create(file.path(folder, "sub"))
  writeLines("1", file.path(folder, "a.txt"))
  writeLines("2", file.path(folder, "sub", "b.txt"))
  expect_identical(upload_folder_to_run("data", folder), c("data/a.txt", "data/sub/b.txt"))
  expect_true(file.exists(file.path(directory, "files", "data", "sub", "b.txt")))
})

test_that("an image is a file and an event, and a second one gets a number", {
  skip_if_not(capabilities("png"))
  directory <- local_job()
  expect_identical(log_image_to_run("loss curve", plot = plot(1:3)), "images/loss_curve.png")
  expect_identical(
    log_image_to_run("loss curve", plot = function() hist(mtcars$wt)), "images/loss_curve_2.png"
  )
  expect_identical(last_value(directory), list(file = "images/loss_curve_2.png"))
  header <- readBin(file.path(directory, "files/images/loss_curve.png"), "raw", 4)
  expect_identical(header[2:4], charToRaw("PNG"))
})

test_that("drawing code that fails leaves no device open and stores nothing", {
  skip_if_not(capabilities("png"))
  directory <- local_job()
  devices <- grDevices::dev.list()
  expect_error(log_image_to_run("x", plot = stop("no data")), "no data")
  expect_identical(grDevices::dev.list(), devices)
  expect_false(dir.exists(file.path(directory, "files")))
})

test_that("an image file is known by its content", {
  local_job()
  text <- withr::local_tempfile(lines = "text", fileext = ".png")
  expect_error(log_image_to_run("x", path = text), "not an image")
  drawing <- withr::local_tempfile(lines = "<svg xmlns='x'></svg>")
  expect_identical(log_image_to_run("x", path = drawing), "images/x.svg")
  expect_error(log_image_to_run("x"), class = "tandemlab_error_invalid_input")
})

test_that("the source of a run comes back", {
  exp <- local_experiment()
  source <- withr::local_tempdir()
  writeLines("cat(1)", file.path(source, "train.R"))
  run <- start_logging_run(exp, snapshot_directory = source)
  complete_run(run)
  copy <- restore_run_snapshot(run, file.path(withr::local_tempdir(), "copy"))
  expect_equal(readLines(file.path(copy, "train.R")), "cat(1)")
  expect_error(restore_run_snapshot(run, copy), class = "tandemlab_error_already_exists")
})
