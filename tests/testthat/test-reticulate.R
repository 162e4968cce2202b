test_that("handles become Python's objects, and handles again", {
  exp <- local_experiment()
  run <- start_logging_run(exp)
  ws <- exp$workspace
  for (handle in list(ws, exp, run)) {
    python <- reticulate::r_to_py(handle)
    expect_s3_class(python, "python.builtin.object")
    expect_identical(reticulate::py_to_r(python), handle)
  }
  reticulate::r_to_py(run)$log("loss", 0.5)
  complete_run(run)
  expect_identical(get_run_metrics(run)$loss, 0.5)
})

test_that("Python code takes handles as arguments, and gives them", {
  exp <- local_experiment()
  run <- start_logging_run(exp)
  complete_run(run)
  code <- "lambda run: (run.id, run.experiment)"
  found <- reticulate::py_eval(code, convert = TRUE)(run)
  expect_identical(found[[1]], run$id)
  expect_identical(found[[2]], exp)
})

test_that("conversions of reticulate do not load it", {
  seen <- in_fresh_r("cat('loaded:', isNamespaceLoaded('reticulate'))")
  expect_match(seen, "loaded: FALSE", all = FALSE)
})
