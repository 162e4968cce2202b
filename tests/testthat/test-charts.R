test_that("a table of truth by prediction becomes a confusion matrix", {
  directory <- local_job()
  counts <- table(truth = c("a", "b", "a"), predicted = c("a", "b", "b"))
  log_confusion_matrix_to_run("cm", counts)
  value <- last_value(directory)
  expect_identical(value$schema_type, "confusion_matrix")
  expect_identical(
    value$data, list(class_labels = list("a", "b"), matrix = list(list(1L, 1L), list(0L, 1L)))
  )
  log_confusion_matrix_to_run("cm", t(counts))
  expect_identical(last_value(directory), value)
})

test_that("a class that was never predicted counts zero", {
  directory <- local_job()
  log_confusion_matrix_to_run("cm", table(truth = c("a", "b"), predicted = c("a", "a")))
  expect_identical(last_value(directory)$data$matrix, list(list(1L, 0L), list(1L, 0L)))
})

test_that("lists, whole objects and JSON text are the same chart", {
  directory <- local_job()
  parts <- list(bin_edges = c(0, 1), bin_counts = 5)
  log_residuals_to_run("r", parts)
  first <- last_value(directory)
  expect_identical(first$data$bin_counts, list(5))
  log_residuals_to_run("r", list(schema_type = "residuals", schema_version = "1.0.0", data = parts))
  expect_identical(last_value(directory), first)
  log_residuals_to_run("r", '{"bin_edges": [0.0, 1.0], "bin_counts": [5.0]}')
  expect_equal(last_value(directory), first)
})

test_that("arrays of an accuracy table keep their three dimensions", {
  directory <- local_job()
  tables <- array(1:8, c(1, 2, 4))
  log_accuracy_table_to_run("a", list(
    class_labels = "1", probability_tables = tables, percentile_tables = tables,
    probability_thresholds = c(0, 1), percentile_thresholds = c(0, 1)
  ))
  found <- last_value(directory)$data$probability_tables
  expect_identical(found, list(list(list(1L, 3L, 5L, 7L), list(2L, 4L, 6L, 8L))))
})

test_that("parts that are missing or do not fit are refused", {
  local_job()
  expect_error(log_residuals_to_run("r", list(bin_edges = 1)), "bin_counts")
  expect_error(log_residuals_to_run("r", list(bin_edges = 1, bin_counts = 1)), "edges")
  expect_error(
    log_confusion_matrix_to_run("m", list(class_labels = c("a", "b"), matrix = matrix(1, 1, 1))),
    "2 rows"
  )
  expect_error(log_confusion_matrix_to_run("m", matrix(1:4, 2)), "class names")
  expect_error(log_predictions_to_run("p", "{"), "not JSON")
  expect_error(log_predictions_to_run("p", list(schema_type = "residuals")), "not a predictions")
})
