# A run with some of everything.
local_logged_run <- function(exp) {
  run <- start_logging_run(exp, display_name = "first try")
  for (epoch in 1:4) {
    log_metric_to_run("train/loss", 1 / epoch, run, step = epoch)
    log_metric_to_run("val/loss", if (epoch == 3) NaN else 2 / epoch, run, step = epoch)
  }
  log_metric_to_run("auc", 0.875, run)
  log_metric_to_run("method", "glm", run)
  log_table_to_run("folds", data.frame(fold = 1:3, f1 = c(0.5, 0.6, 0.7)), run = run)
  log_confusion_matrix_to_run(
    "confusion", list(class_labels = c("alive", "dead"), matrix = list(c(50, 1), c(2, 7))),
    run = run
  )
  log_residuals_to_run("errors", list(bin_edges = c(-1, 0, 1), bin_counts = c(3, 5)), run = run)
  log_predictions_to_run("calibration", list(
    bin_averages = c(0.2, 0.8), bin_errors = c(0.1, 0.1), bin_counts = c(4, 4),
    bin_edges = c(0, 0.5, 1)
  ), run = run)
  log_image_to_run("weights", plot = hist(mtcars$wt), run = run)
  set_run_tag(run, "data", "2002")
  complete_run(run)
  run
}

# What was drawn, as calls of the graphics engine: a list of name and arguments.
drawn <- function(code) {
  grDevices::pdf(NULL, width = 10, height = 10)
  device <- grDevices::dev.cur()
  on.exit(grDevices::dev.off(device))
  grDevices::dev.control("enable")
  force(code)
  lapply(grDevices::recordPlot()[[1]], function(entry) {
    list(name = entry[[2]][[1]]$name, arguments = entry[[2]][-1])
  })
}

names_of <- function(calls) vapply(calls, function(call) as.character(call$name), "")

arguments_of <- function(calls, name) {
  lapply(calls[names_of(calls) == name], function(call) call$arguments)
}

titles_of <- function(calls) unlist(lapply(arguments_of(calls, "C_title"), `[[`, 1))

test_that("a run is drawn panel by panel, and series of one kind share one", {
  run <- local_logged_run(local_experiment())
  calls <- drawn(panels <- plot(run))
  titles <- c("loss", "folds", "confusion", "errors", "calibration", "weights")
  expect_identical(vapply(panels, `[[`, "", "title"), titles)
  expect_identical(
    vapply(panels, `[[`, "", "kind"), c("lines", "lines", "matrix", "bars", "lines", "image")
  )
  expect_identical(intersect(titles_of(calls), titles), titles)
  lines <- Filter(
    function(arguments) arguments[[2]] %in% c("o", "l"), arguments_of(calls, "C_plotXY")
  )
  expect_length(lines, 4)
  expect_identical(lines[[1]][[1]]$x, as.numeric(1:4))
  expect_identical(lines[[1]][[1]]$y, 1 / 1:4)
  expect_identical(lines[[2]][[1]]$y, c(2, 1, NA, 0.5))
  expect_length(arguments_of(calls, "C_raster"), 1)
  texts <- unlist(lapply(arguments_of(calls, "C_text"), `[[`, 2))
  expect_identical(setdiff(c("50", "1", "2", "7", "train/loss", "val/loss"), texts), character())
})

test_that("metrics are chosen by name, and drawn over steps, time or their order", {
  run <- local_logged_run(local_experiment())
  withr::local_pdf(NULL)
  expect_length(plot(run, "auc"), 1)
  expect_identical(plot(run, c("auc", "method"))[[1]]$texts, c("0.875", "glm"))
  expect_identical(plot(run, "val/loss", over = "index")[[1]]$x_label, "index")
  expect_match(plot(run, "val/loss", over = "time")[[1]]$x_label, "seconds since")
  expect_error(plot(run, "nope"), class = "tandemlab_error_not_found")
  expect_error(plot(run, over = "moon"), class = "tandemlab_error_invalid_input")
})

test_that("the details of a run stand beside what it logged", {
  run <- local_logged_run(local_experiment())
  calls <- drawn(panels <- plot_run_details(run))
  facts <- panels[[1]]
  expect_identical(facts$title, "first try")
  expect_identical(facts$texts[match(c("status", "data", "auc"), facts$labels)], c(
    "Completed", "2002", "0.875"
  ))
  expect_length(panels, 7)
  shown <- unlist(lapply(arguments_of(calls, "C_text"), `[[`, 2))
  expect_true(any(grepl("^status +Completed$", shown)))
})

test_that("a run that logged nothing to draw says so, and its details still show", {
  exp <- local_experiment()
  run <- complete_run(start_logging_run(exp))
  withr::local_pdf(NULL)
  expect_error(plot(run), class = "tandemlab_error_not_found")
  expect_length(plot_run_details(run), 1)
})

test_that("an experiment compares its runs", {
  exp <- local_experiment()
  for (auc in c(0.7, 0.9, 0.8)) {
    with_run(start_logging_run(exp), {
      log_metric_to_run("auc", auc)
      for (step in 1:3) log_metric_to_run("loss", auc / step, step = step)
    })
  }
  calls <- drawn(panels <- plot(exp, "auc"))
  points <- Filter(function(arguments) arguments[[2]] == "p", arguments_of(calls, "C_plotXY"))
  expect_identical(points[[1]][[1]]$x, c(1, 2, 3))
  expect_identical(points[[1]][[1]]$y, c(0.7, 0.9, 0.8))
  withr::local_pdf(NULL)
  histories <- plot(exp, "loss", over = "step")[[1]]
  expect_length(histories$lines, 3)
  expect_identical(histories$lines[[2]]$y, 0.9 / 1:3)
  expect_length(plot(exp, limit = 2)[[1]]$lines[[1]]$x, 2)
  expect_error(plot(exp, "nope"), class = "tandemlab_error_not_found")
})

test_that("drawing leaves the graphical parameters as they were", {
  run <- local_logged_run(local_experiment())
  withr::local_pdf(NULL)
  before <- graphics::par(c("mfrow", "mar", "las", "cex", "bty", "fg"))
  plot(run)
  expect_identical(graphics::par(names(before)), before)
})

test_that("ggplot2 gets the same lines", {
  skip_if_not_installed("ggplot2")
  exp <- local_experiment()
  run <- local_logged_run(exp)
  picture <- ggplot2::autoplot(run)
  expect_s3_class(picture, "ggplot")
  expect_setequal(levels(picture$data$name), c("train/loss", "val/loss", "f1"))
  built <- ggplot2::ggplot_build(picture)
  expect_identical(nrow(built$layout$layout), 2L)
  matrix <- ggplot2::autoplot(run, "confusion")
  expect_identical(matrix$data$count, c(50, 2, 1, 7))
  expect_s3_class(ggplot2::ggplot_build(matrix), "ggplot_built")
  expect_s3_class(ggplot2::ggplot_build(ggplot2::autoplot(run, "errors")), "ggplot_built")
  expect_s3_class(ggplot2::ggplot_build(ggplot2::autoplot(run, "calibration")), "ggplot_built")
  expect_error(ggplot2::autoplot(run, "weights"), class = "tandemlab_error_invalid_input")
  expect_identical(ggplot2::autoplot(exp, "auc")$data$y, 0.875)
})
