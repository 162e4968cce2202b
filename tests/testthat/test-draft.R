# Drafts of the designer from R.

test_that("drafts are saved in versions, and nobody's is written over", {
  skip_unless_ready()
  ws <- temp_workspace()
  rows <- component_step("rows", "enter_data_manually", list(text = "town,people\nAma,12\nBo,7"))
  first <- create_draft(ws, "towns", pipeline(rows), description = "People of towns")
  expect_output(print(first), "<draft towns:1>", fixed = TRUE)
  expect_identical(nrow(check_draft(first)), 0L)
  sorted <- component_step(
    "sorted", "sort_rows", list(by = "size"),
    inputs = list(data = step_output(rows))
  )
  second <- save_draft(first, pipeline(sorted))
  expect_identical(second$version, 2L)
  found <- check_draft(second)
  expect_identical(found$step, "sorted")
  expect_match(found$message, "no column 'size'")
  problem <- expect_error(
    save_draft(first, pipeline(rows, name = "mine")), "has version 2 now",
    class = "tandemlab_error_conflict"
  )
  expect_identical(problem$details$version, 2L)
  expect_identical(list_drafts(ws)$steps, 2L)
  expect_identical(names(get_draft(ws, "towns", 1)$pipeline$document$steps), "rows")
  expect_error(create_draft(ws, "towns"), class = "tandemlab_error_already_exists")
  expect_error(save_draft("towns", pipeline(rows)), "`draft`")
  delete_draft(second)
  expect_error(get_draft(ws, "towns"), class = "tandemlab_error_not_found")
})

test_that("a sample is trained, answers requests, and what cannot says why", {
  skip_unless_ready()
  ws <- temp_workspace()
  draft <- create_draft(ws, "moods", sample = "review-moods")
  run <- submit_experiment(experiment(ws, "moods"), draft$pipeline)
  wait_for_run_completion(run, show_output = FALSE)
  service <- deploy_pipeline_run(run, "moods")
  withr::defer(delete_webservice(service))
  wait_for_deployment(service)
  answer <- invoke_webservice(service, data.frame(review = "Food was tasty, staff was friendly."))
  expect_identical(answer$predictions$scored_label, "good")
  expect_error(deploy_pipeline_run(run, "x", step = "nope"), "no step 'nope'")
})
