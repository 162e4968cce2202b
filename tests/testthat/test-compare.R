# Two runs side by side, and where a run comes from.

two_runs <- function(exp) {
  source <- local_script("train.R", "depth <- 3", env = parent.frame())
  lapply(3:4, function(depth) {
    writeLines(sprintf("depth <- %d", depth), file.path(source, "train.R"))
    run <- start_logging_run(exp, snapshot_directory = source)
    log_param_to_run("depth", depth, run)
    log_metric_to_run("auc", depth / 5, run)
    set_run_tag(run, "team", "a")
    if (depth == 4) set_run_tag(run, "best", NULL)
    complete_run(run)
  })
}

test_that("two runs are compared in values and code", {
  runs <- two_runs(local_experiment())
  found <- compare_runs(runs[[1]], runs[[2]])
  expect_s3_class(found, "tandemlab_comparison")
  expect_identical(c(found$left, found$right), c("demo/1", "demo/2"))
  frame <- as.data.frame(found)
  expect_identical(names(frame), c("group", "name", "left", "right", "differs"))
  depth <- frame[frame$group == "params" & frame$name == "depth", ]
  expect_identical(c(depth$left, depth$right), c("3", "4"))
  expect_true(depth$differs)
  expect_false(frame$differs[frame$group == "tags" & frame$name == "team"])
  expect_identical(frame$left[frame$name == "best"], NA_character_)
  expect_identical(found$code$path, "train.R")
  expect_match(found$code$diff, "-depth <- 3\n+depth <- 4", fixed = TRUE)
  expect_null(found$packages)
  expect_output(print(found), "demo/1 .* demo/2.*depth  3  4  [+]1.*train[.]R")
  expect_error(compare_runs(runs[[1]], "demo/2"), class = "tandemlab_error_invalid_input")
})

test_that("lineage is a tree, a chart and a data frame", {
  exp <- local_experiment()
  run <- start_logging_run(exp, display_name = "top")
  upload_files_to_run("outputs/a.txt", withr::local_tempfile(lines = "42"), run)
  child <- complete_run(create_child_run(run, "fold"))
  complete_run(run)
  found <- get_run_lineage(run)
  expect_s3_class(found, "tandemlab_lineage")
  frame <- as.data.frame(found)
  expect_identical(frame$relation, c("output", "parent"))
  expect_identical(frame$target, c(paste0(run$id, "/outputs/a.txt"), child$id))
  expect_output(print(found), "run demo/1 top, Completed.*outputs/a[.]txt.*run demo/2 fold")
  expect_match(format(found, "mermaid"), "^flowchart LR\n")
  alone <- get_run_lineage(complete_run(start_logging_run(exp)))
  expect_identical(dim(as.data.frame(alone)), c(0L, 5L))
})
