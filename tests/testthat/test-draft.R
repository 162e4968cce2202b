# Drafts of the designer from R.

test_that("drafts are printed, and arguments are checked", {
  skip_unless_ready()
  ws <- temp_workspace()
  rows <- component_step("rows", "enter_data_manually", list(text = "town,people\nAma,12\nBo,7"))
  draft <- create_draft(ws, "towns", pipeline(rows), description = "People of towns")
  expect_output(print(draft), "<draft towns:1>", fixed = TRUE)
  sorted <- component_step(
    "sorted", "sort_rows", list(by = "size"),
    inputs = list(data = step_output(rows))
  )
  found <- check_draft(save_draft(draft, pipeline(sorted)))
  expect_identical(found$step, "sorted")
  expect_match(found$message, "no column 'size'")
  problem <- expect_error(
    save_draft(draft, pipeline(rows, name = "mine")),
    class = "tandemlab_error_conflict"
  )
  expect_identical(problem$details$version, 2L)
  expect_identical(list_drafts(ws)$steps, 2L)
  expect_error(save_draft("towns", pipeline(rows)), "`draft`")
  expect_error(submit_draft(draft, until = 3), "`until`")
})

# What a case has in hand, and what its steps do with that.
local_desk <- function(cases, env = parent.frame()) {
  desk <- new.env()
  desk$ws <- temp_workspace()
  desk$folder <- withr::local_tempdir(.local_envir = env)
  for (name in names(cases$datasets)) {
    file <- file.path(desk$folder, paste0(name, ".csv"))
    cat(cases$datasets[[name]], file = file)
    register_dataset(desk$ws, create_tabular_dataset_from_delimited_files(file), name)
  }
  withr::defer(if (!is.null(desk$service)) delete_webservice(desk$service), envir = env)
  desk
}

document_of <- function(cases, name) {
  document <- cases$pipelines[[name]]
  pipeline_from(jsonlite::toJSON(document, auto_unbox = TRUE, null = "null", digits = NA))
}

draft_steps <- list(
  create = function(desk, cases, draft, name, pipeline = NULL, sample = NULL) {
    made <- if (!is.null(pipeline)) document_of(cases, pipeline)
    desk$draft <- create_draft(desk$ws, name, made, sample)
  },
  get = function(desk, cases, draft, ...) desk$draft <- get_draft(desk$ws, ...),
  save = function(desk, cases, draft, pipeline) {
    desk$draft <- save_draft(draft, document_of(cases, pipeline))
    desk$before <- draft
  },
  export = function(desk, cases, draft, file) export_draft(draft, file.path(desk$folder, file)),
  import = function(desk, cases, draft, file, ...) {
    desk$draft <- import_draft(desk$ws, file.path(desk$folder, file), ...)
  },
  delete = function(desk, cases, draft) delete_draft(draft),
  publish = function(desk, cases, draft, name) publish_pipeline(draft$pipeline, desk$ws, name),
  submit = function(desk, cases, draft, ...) {
    desk$run <- submit_draft(draft, ...)
    wait_for_run_completion(desk$run, show_output = FALSE)
  },
  deploy = function(desk, cases, draft, ...) desk$service <- deploy_pipeline_run(desk$run, ...),
  batch = function(desk, cases, draft, ...) desk$draft <- create_batch_draft(desk$run, ...)
)

draft_looks <- list(
  drafts = function(desk, then) {
    found <- list_drafts(desk$ws)
    sprintf("%s:%d", found$name, found$version)
  },
  steps = function(desk, then) names(desk$draft$pipeline$document$steps),
  problems = function(desk, then) check_draft(desk$draft)$message,
  runs = function(desk, then) length(get_runs(desk$ws)),
  status = function(desk, then) desk$run$status,
  tag = function(desk, then) get_run_tags(desk$run)$draft,
  ran = function(desk, then) get_pipeline_steps(desk$run)$step,
  published = function(desk, then) list_published_pipelines(desk$ws)$id,
  answers = function(desk, then) {
    wait_for_deployment(desk$service)
    asked <- jsonlite::toJSON(then$request, auto_unbox = TRUE)
    invoke_webservice(desk$service, asked)$predictions$scored_label
  },
  rows = function(desk, then) {
    count <- function(name) nrow(as.data.frame(get_dataset_by_name(desk$ws, name)))
    sapply(names(then$rows), count, simplify = FALSE)
  }
)

expect_case <- function(cases, case) {
  desk <- local_desk(cases)
  for (step in case$do) {
    draft <- if (isTRUE(step$stale)) desk$before else desk$draft
    given <- c(list(desk, cases, draft), step[[1]])
    if (is.null(step$error)) {
      do.call(draft_steps[[names(step)[[1]]]], given)
      next
    }
    problem <- expect_error(
      do.call(draft_steps[[names(step)[[1]]]], given),
      class = paste0("tandemlab_error_", step$error), label = case$name
    )
    for (words in step$says) {
      expect_match(conditionMessage(problem), words, fixed = TRUE, label = case$name)
    }
  }
  for (key in setdiff(names(case$then), "request")) {
    expect_equal(
      canonical(draft_looks[[key]](desk, case$then)), canonical(case$then[[key]]),
      tolerance = 1e-6, label = paste(case$name, key)
    )
  }
}

draft_cases <- function() {
  skip_unless_ready()
  skip_if_not_installed("yaml")
  yaml::read_yaml(file.path(cases_folder(), "designer", "drafts.yaml"), handlers = handlers)
}

test_that("drafts are kept as the cases say", {
  cases <- draft_cases()
  for (case in Filter(function(each) is.null(each$tier), cases$cases)) expect_case(cases, case)
})

# tier: full
test_that("drafts run, answer and score as the cases say", {
  cases <- draft_cases()
  for (case in Filter(function(each) !is.null(each$tier), cases$cases)) expect_case(cases, case)
})
