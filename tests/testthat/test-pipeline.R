# Pipelines as documents, by the cases that Python runs, too; and their runs from R.

pipeline_cases <- function() {
  skip_if_not_installed("yaml")
  yaml::read_yaml(file.path(cases_folder(), "pipelines", "graphs.yaml"), handlers = handlers)
}

# The document as Python has it, with paths relative to the working directory.
document_of <- function(pipeline) {
  found <- pipeline_from(call_core("pipeline.document", document = pipeline$document))$document
  here <- paste0(normalizePath("."), "/")
  rapply(found, function(x) sub(here, "", x, fixed = TRUE), "character", how = "replace")
}

test_that("pipelines are read, built and refused as in Python", {
  skip_unless_ready()
  cases <- pipeline_cases()
  expect_gt(length(cases), 8)
  for (case in cases) {
    withr::local_dir(local_files(list(pipeline.yml = case$yaml)))
    if (!is.null(case$error)) {
      problem <- expect_error(
        load_pipeline("pipeline.yml"),
        class = paste0("tandemlab_error_", case$error), label = case$name
      )
      for (words in case$says) {
        expect_match(conditionMessage(problem), words, fixed = TRUE, label = case$name)
      }
      next
    }
    expected <- canonical(plain(case$then))
    code <- parse(text = case$r, keep.source = TRUE)
    built <- eval(code, new.env(parent = asNamespace("tandemlab")))
    expect_identical(canonical(document_of(built)), expected, label = case$name)
    expect_identical(
      canonical(document_of(load_pipeline("pipeline.yml"))), expected,
      label = case$name
    )
    expect_identical(validate_pipeline(built), character(), label = case$name)
  }
})

test_that("what cannot be a step or a pipeline is refused before Python is asked", {
  expect_error(r_script_step("fit.py"), "`script_name`")
  expect_error(command_step("true", "no name"), "`name`")
  expect_error(r_function_step("f", "f"), "`fun`")
  expect_error(command_step("true", "a", outputs = c(x = "tabel")), "outputs\\$x")
  expect_error(command_step("true", "a", output = "x"), "'output'.*Did you mean 'outputs'")
  made <- command_step("true", "made", outputs = c(a = "file", b = "file"))
  expect_error(step_output(made), "Which output of the step 'made'.*outputs are a, b")
  expect_error(step_output(made, "c"), "no output 'c'")
  expect_error(step_output(command_step("true", "silent")), "has no outputs")
  expect_error(pipeline(made, command_step("false", "made")), "Two steps have the name 'made'")
  expect_error(pipeline(list()), "has steps, and none")
  one <- pipeline_parameter("n", 1L)
  two <- pipeline_parameter("n", 2L)
  expect_error(
    pipeline(command_step(c("echo", "x"), "a"), parameters = list(one, two)), "Two different"
  )
})

test_that("a function that uses variables of the session is refused", {
  skip_if_not_installed("codetools")
  scale <- 2
  expect_error(
    r_function_step(function(x) x * scale, "f", list(x = 1)), "uses scale from outside"
  )
  expect_s3_class(r_function_step(function(x) stats::sd(x), "f", list(x = 1)), "tandemlab_step")
})

test_that("a function of R is given what it takes, and all that it needs", {
  add <- function(rows, least = 0, plot) rows + least
  outputs <- c(plot = "file")
  made <- r_function_step(add, "add", list(rows = 1), outputs = outputs)
  expect_s3_class(made, "tandemlab_step")
  expect_error(
    r_function_step(add, "add", list(row = 1), outputs = outputs),
    "takes no argument 'row'.*Did you mean 'rows'"
  )
  expect_error(r_function_step(add, "add", list(rows = 1)), "needs 'plot', which is no input")
  expect_error(r_function_step(function() 1, "one", list(x = 1)), "It takes none")
  any <- function(x, ...) if (missing(x)) 0 else x
  expect_s3_class(r_function_step(any, "any", list(y = 1)), "tandemlab_step")
})

test_that("a pipeline prints as a tree, and is drawn", {
  skip_unless_ready()
  first <- command_step("date > ${outputs.today}", "first", outputs = c(today = "file"))
  last <- command_step("cat ${inputs.today}", "last", inputs = list(step_output(first)))
  made <- pipeline(last, name = "hello")
  expect_output(print(made), "pipeline hello\n.*reads today from first")
  expect_match(format(made, "mermaid"), "first -->|today| last", fixed = TRUE)
  expect_match(format(made, "svg"), "^<svg xmlns=.*>today</text>")
  withr::local_pdf(NULL)
  expect_identical(plot(made), made)
})

test_that("steps run for each item of a list, and when a condition holds", {
  skip_unless_ready()
  square <- r_function_step(
    function(n) n^2, "square", list(n = "${item}"),
    outputs = c(square = "json"), for_each = pipeline_parameter("numbers", list(1L, 2L))
  )
  never <- command_step("true", "never", when = "outputs.square.square = '[]'")
  exp <- experiment(temp_workspace(), "demo")
  run <- submit_experiment(
    exp, pipeline(square, never),
    pipeline_parameters = list(numbers = list(3L, 4L, 5L))
  )
  wait_for_run_completion(run)
  steps <- get_pipeline_steps(run)
  expect_equal(get_step_output(run, "square"), c(9, 16, 25))
  expect_identical(steps$items_done, c(3L, NA))
  expect_match(steps$skipped[[2]], "condition does not hold")
  expect_identical(find_step_run(run, "square", 1)[[1]]$id, paste0(run$id, ".1-0.1"))
  expect_error(command_step("true", "a", for_each = c(a = 1)), "`for_each`")
})

test_that("a script of R is called for one part of a table after another", {
  skip_unless_ready()
  folder <- withr::local_tempdir()
  write_frame(data.frame(x = 1:5, g = factor(letters[1:5])), file.path(folder, "rows.arrow"))
  writeLines(
    c("run <- function(rows) {", "  rows$y <- rows$x * 2", "  rows", "}"),
    file.path(folder, "double.R")
  )
  double <- parallel_run_step(
    "double.R",
    mini_batch_size = 2, process_count_per_node = 1, source_directory = folder,
    inputs = list(rows = "rows.arrow"), outputs = c(more = "table")
  )
  run <- submit_experiment(experiment(temp_workspace(), "demo"), pipeline(double))
  wait_for_run_completion(run)
  found <- get_step_output(run, "double")
  expect_equal(found$y, 2 * (1:5))
  expect_identical(as.character(found$g), letters[1:5])
  expect_identical(get_run_metrics(find_step_run(run, "double")[[1]])$mini_batches, 3L)
  expect_error(parallel_run_step("a.R", mini_batch_size = 0), "`mini_batch_size`")
  wide <- parallel_run_step(
    "double.R",
    node_count = 2, inputs = list(rows = "rows.arrow"), outputs = c(more = "table")
  )
  expect_match(validate_pipeline(pipeline(wide)), "node_count: a parallel run has .* one node")
})

test_that("a pipeline of R functions runs, and hands data on", {
  skip_unless_ready()
  draw <- r_function_step(
    function(n) data.frame(x = seq_len(n), g = factor(rep("a", n))), "draw",
    list(n = pipeline_parameter("n", 3L)),
    outputs = c(sample = "table")
  )
  total <- r_function_step(
    function(sample, note) {
      writeLines(levels(sample$g), note)
      list(sum = sum(sample$x), rows = nrow(sample))
    }, "total",
    inputs = list(step_output(draw)), outputs = c(facts = "json", note = "file")
  )
  exp <- experiment(temp_workspace(), "demo")
  run <- submit_experiment(exp, pipeline(total), pipeline_parameters = list(n = 4L))
  wait_for_run_completion(run)
  steps <- get_pipeline_steps(run)
  expect_identical(steps$step, c("draw", "total"))
  expect_identical(steps$status, c("Completed", "Completed"))
  expect_identical(get_step_output(run, "draw")$x, 1:4)
  expect_identical(get_step_output(run, "total", "facts"), list(sum = 10L, rows = 4L))
  expect_identical(readLines(get_step_output(run, "total", "note")), "a")
  expect_identical(find_step_run(run, "draw")[[1]]$id, steps$run_id[[1]])
  expect_identical(document_of(get_run_pipeline(run))$parameters$n$default, 3L)
  expect_error(get_step_output(run, "drow"), "no step 'drow'")
  again <- submit_experiment(exp, pipeline(total), pipeline_parameters = list(n = 4L))
  wait_for_run_completion(again)
  expect_identical(get_pipeline_steps(again)$reused, c(TRUE, TRUE))
  expect_identical(why_step(again, "draw")$reason, "reused")
  expect_output(print(why_step(run, "draw")), "was run: it has not completed before")
})

test_that("a published pipeline is run by name, rolled back and refused", {
  skip_unless_ready()
  ws <- temp_workspace()
  withr::local_dir(withr::local_tempdir())
  draw <- function(factor) {
    r_function_step(
      function(n, factor) n * factor, "draw",
      list(n = pipeline_parameter("n", 3L), factor = factor),
      outputs = c(value = "json")
    )
  }
  made <- publish_pipeline(pipeline(draw(2)), ws, "draw", "Draws.", tags = c(team = "a"))
  expect_identical(made$id, "draw:1")
  expect_identical(made$parameters$default, "3")
  expect_output(print(made), "status: Active\n  steps: draw\n  parameters: n=3")
  set_default_pipeline_version(made)
  second <- publish_pipeline(pipeline(draw(3)), ws, "draw")
  expect_identical(get_published_pipeline(ws, "draw")$version, 1L)
  expect_error(
    submit_published_pipeline(second, pipeline_parameters = list(m = "x")),
    "no parameter 'm'", class = "tandemlab_error_invalid_input"
  )
  run <- submit_experiment(experiment(ws, "demo"), second, pipeline_parameters = list(n = 4L))
  wait_for_run_completion(run)
  expect_identical(get_step_output(run, "draw"), 12L)
  expect_identical(publish_pipeline(run, name = "copy")$steps, "draw")
  set_default_pipeline_version(second)
  expect_identical(roll_back_pipeline(ws, "draw")$version, 1L)
  expect_identical(disable_published_pipeline(second)$status, "Disabled")
  expect_error(submit_published_pipeline(get_published_pipeline(ws, "draw", 2L)), "is disabled")
  expect_identical(list_published_pipelines(ws)$id, c("copy:1", "draw:1"))
  expect_identical(nrow(list_published_pipelines(ws, "draw", active_only = FALSE)), 2L)
  expect_identical(enable_published_pipeline(second)$status, "Active")
  file <- save_published_pipeline(second, "copy")
  expect_identical(names(load_pipeline(file)$document$steps), "draw")
})

test_that("names and parameters of published pipelines are refused as in Python", {
  skip_unless_ready()
  skip_if_not_installed("yaml")
  path <- file.path(cases_folder(), "pipelines", "publishing.yaml")
  cases <- yaml::read_yaml(path, handlers = handlers)
  withr::local_dir(local_files(list(score.yml = cases$yaml, raw.txt = "rows")))
  ws <- temp_workspace()
  made <- load_pipeline("score.yml")
  for (name in cases$names) {
    expect_error(publish_pipeline(made, ws, name), class = "tandemlab_error_invalid_input")
  }
  expect_identical(nrow(list_published_pipelines(ws, active_only = FALSE)), 0L)
  made <- publish_pipeline(made, ws, "score")
  for (case in cases$runs) {
    problem <- expect_error(
      submit_published_pipeline(made, pipeline_parameters = case$given),
      class = "tandemlab_error_invalid_input", label = case$name
    )
    for (words in case$says) {
      expect_match(conditionMessage(problem), words, fixed = TRUE, label = case$name)
    }
  }
})

test_that("the script of a pipeline builds it", {
  skip_unless_ready()
  skip_if_not_installed("yaml")
  files <- file.path(cases_folder(), "pipelines", c("graphs.yaml", "scripts.yaml"))
  cases <- unlist(lapply(files, yaml::read_yaml, handlers = handlers), FALSE)
  withr::local_dir(withr::local_tempdir())
  withr::local_options(keep.source = TRUE)
  for (case in Filter(function(case) !is.null(case$then), cases)) {
    json <- jsonlite::toJSON(case$then, auto_unbox = TRUE, null = "null", digits = NA)
    made <- pipeline_from(json)
    script <- export_pipeline_script(made)
    expect_identical(
      grepl("document_step", script, fixed = TRUE), "r" %in% case$as_document,
      label = case$name
    )
    writeLines(script, "built.R")
    built <- source("built.R", local = new.env(parent = globalenv()))$value
    expect_identical(
      canonical(document_of(built)), canonical(document_of(made)),
      label = case$name
    )
  }
})
