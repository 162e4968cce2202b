# Finding runs, and filters written as R code.

test_that("a filter in R code says the same as one in text", {
  best <- 0.8
  text <- function(filter) unclass(filter)
  expect_identical(text(run_filter(metrics.auc > best)), "metrics.`auc` > 0.8")
  expect_identical(
    text(run_filter(metrics.auc >= 1 & (params.model == "it's" | !is.na(tags.team)))),
    "(metrics.`auc` >= 1 and (params.`model` = 'it''s' or not (tags.`team` is null)))"
  )
  expect_identical(
    text(run_filter(params.model %in% c("glm", "gam"))), "params.`model` in ('glm', 'gam')"
  )
  expect_identical(text(run_filter(`metrics.val loss` < 1e-3)), "metrics.`val loss` < 0.001")
  expect_identical(
    text(run_filter(created > as.Date("2026-01-31"))), "created > '2026-01-31'"
  )
  expect_identical(text(run_filter(params.fast == TRUE)), "params.`fast` = true")
  expect_identical(text(run_filter(startsWith(tags.team, "a"))), "tags.`team` like 'a%'")
  expect_identical(text(run_filter(grepl("car", text, fixed = TRUE))), "text contains 'car'")
})

test_that("code without a counterpart in a filter is refused", {
  refused <- "tandemlab_error_invalid_input"
  expect_error(run_filter(sum(metrics.auc)), class = refused)
  expect_error(run_filter(1 < metrics.auc), class = refused)
  expect_error(run_filter(metrics.auc > c(1, 2)), class = refused)
  expect_error(run_filter(metrics.auc > NA), class = refused)
})

test_that("runs are found, sorted, paged and put into a data frame", {
  skip_unless_ready()
  ws <- temp_workspace()
  exp <- experiment(ws, "search")
  for (depth in 1:3) {
    with_run(start_logging_run(exp), {
      log_params_to_run(list(depth = depth, model = "glm"))
      log_metric_to_run("auc", depth / 10)
    })
  }
  depths <- function(runs) vapply(runs, function(run) get_run_params(run)$depth, 1L)
  expect_identical(depths(get_runs(ws, run_filter(metrics.auc > 0.15))), 3:2)
  expect_identical(depths(get_runs(ws, order_by = "params.depth", limit = 1, offset = 1)), 2L)
  expect_identical(
    depths(get_runs_in_experiment(exp, filter = "params.depth < 3", order_by = "metrics.auc")), 1:2
  )
  frame <- as.data.frame(ws, filter = "params.depth in (1, 3)", order_by = "params.depth desc")
  expect_identical(frame$params.depth, c(3L, 1L))
  expect_identical(frame$params.model, c("glm", "glm"))
  expect_identical(nrow(as.data.frame(exp, limit = 2)), 2L)
  refused <- "tandemlab_error_invalid_input"
  expect_error(get_runs(ws, "colour = 'red'"), "character 1", class = refused)
  expect_error(get_runs(ws, limit = -1), class = refused)
})

test_that("a parameter is one value", {
  refused <- "tandemlab_error_invalid_input"
  expect_error(log_param_to_run("a", 1:2), class = refused)
  expect_error(log_params_to_run(list(1)), class = refused)
})
