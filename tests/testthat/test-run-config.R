# Run configurations in files, by the cases that Python runs, too.

configuration_cases <- function() {
  files <- list.files(file.path(cases_folder(), "configurations"), "[.]yaml$", full.names = TRUE)
  if (length(files) == 0 || !requireNamespace("yaml", quietly = TRUE)) {
    return(list())
  }
  unlist(lapply(files, yaml::read_yaml, handlers = handlers), recursive = FALSE)
}

check_configuration <- function(case) {
  folder <- local_files(case$files)
  if (!is.null(case$error)) {
    problem <- expect_error(
      load_run_config(folder, case$load),
      class = paste0("tandemlab_error_", case$error), label = case$name
    )
    for (words in case$says) {
      expect_match(conditionMessage(problem), words, fixed = TRUE, label = case$name)
    }
    return(invisible())
  }
  noticed <- character()
  found <- withCallingHandlers(
    load_run_config(folder, case$load),
    tandemlab_warning_configuration = function(warning) {
      noticed <<- c(noticed, conditionMessage(warning))
      invokeRestart("muffleWarning")
    }
  )
  expect_identical(
    canonical(config_form(unclass(found))), canonical(plain(case$then)),
    label = case$name
  )
  expect_identical(length(noticed) > 0, !is.null(case$warns), label = case$name)
  for (words in case$warns) {
    expect_match(noticed, words, fixed = TRUE, label = case$name)
  }
  save_run_config(found, folder, "again")
  expect_identical(load_run_config(folder, "again"), found, label = case$name)
}

test_that("files of run configurations are read, refused and written as in Python", {
  skip_unless_ready()
  cases <- configuration_cases()
  expect_gt(length(cases), 20)
  for (case in cases) {
    check_configuration(case)
  }
})

test_that("a configuration is a value: a copy with other settings leaves it as it was", {
  config <- run_config("train.R", list(epochs = 1, "x"), max_run_duration_seconds = 60)
  changed <- update(config, arguments = list(epochs = 2), max_run_duration_seconds = NULL)
  expect_identical(config$arguments, list(list(epochs = 1), "x"))
  expect_identical(changed$arguments, list(list(epochs = 2)))
  expect_null(changed$max_run_duration_seconds)
  expect_identical(update(config), config)
  expect_error(update(config, argument = 1), "no argument 'argument'.*Did you mean 'arguments'")
  expect_error(run_config(script = 1), "`script`")
  asked <- run_config(spark = list(
    num_executors = 2, jars = c("a.jar", "b.jar"), configuration = list("spark.a" = TRUE)
  ))
  expect_identical(asked$spark$configuration, list("spark.a" = "true"))
  expect_identical(asked$spark$jars, list("a.jar", "b.jar"))
  expect_error(run_config(spark = list(executors = 2)), "`spark`")
  expect_error(run_config(environment = 1), "r_environment")
  expect_error(run_config(seed = 1), "Unknown arguments")
  expect_output(print(config), "script train.R on local")
})

test_that("what is given comes before what the configuration says", {
  shared <- run_config("a.R", list("--x"), "cluster", max_run_duration_seconds = 60)
  config <- script_run_config("study", arguments = list("--y"), run_config = shared)
  expect_identical(config$script, "a.R")
  expect_identical(config$arguments, list("--y"))
  expect_identical(config$compute_target, "cluster")
  expect_identical(update(config, source_directory = "other")$max_run_duration_seconds, 60)
  expect_error(script_run_config("study", run_config = list()), "run_config")
})

test_that("a secret is not saved", {
  skip_unless_ready()
  ws <- temp_workspace()
  set_secrets(get_default_keyvault(ws), list(password = "s3cr3t"))
  secret <- get_secrets(get_default_keyvault(ws), "password")$password
  expect_error(run_config("a.R", list(password = secret)), "secret")
  expect_error(run_config("a.R", environment_variables = list(PASSWORD = secret)), "secret")
  expect_error(run_config(command = secret), "secret")
})

test_that("a command runs in the source directory", {
  exp <- local_experiment()
  source <- local_script("words.txt", "two words")
  run <- submit_experiment(exp, script_run_config(source, command = "wc -w < words.txt"))
  expect_output(wait_for_run_completion(run, timeout_seconds = 60), "2")
  run <- submit_experiment(exp, script_run_config(source, command = c("cat", "words.txt")))
  expect_output(wait_for_run_completion(run, timeout_seconds = 60), "two words")
  expect_error(submit_experiment(exp, script_run_config(source)), "nothing to run")
})

test_that("a script is submitted as its configuration says", {
  exp <- local_experiment()
  source <- local_script("job.R", "cat(commandArgs(TRUE), Sys.getenv('GREETING'))")
  config <- run_config("job.R", list(n = 3), environment_variables = list(GREETING = "hello"))
  save_run_config(config, source, "quick")
  run <- submit_experiment(
    exp, script_run_config(source, run_config = load_run_config(source, "quick"))
  )
  expect_output(wait_for_run_completion(run, timeout_seconds = 60), "--n 3 hello", fixed = TRUE)
})

test_that("inputs, outputs, resources and processes are checked at once", {
  config <- run_config(
    "a.R",
    inputs = list(data = "x.csv", more = list(path = "y", mode = "mount")),
    outputs = c("model", "plots"), resources = list(cpus = 2, memory = "4GB"),
    distribution = list(process_count_per_node = 2)
  )
  expect_identical(names(config$outputs), c("model", "plots"))
  expect_identical(config$resources, list(cpus = 2L, memory = "4GB"))
  expect_output(print(config), "cpus = 2, memory = 4GB")
  expect_error(run_config(inputs = "x.csv"), "`inputs`")
  expect_error(run_config(inputs = list(a = list(path = "x", mode = "fly"))), "mode")
  expect_error(run_config(resources = list(cpu = 1)), "cpus, memory, gpus")
  expect_error(run_config(resources = list(cpus = 0)), "resources\\$cpus")
  expect_error(run_config(distribution = 2), "`distribution`")
})

# tier: full
test_that("an R script finds its inputs and outputs, and each process its rank", {
  exp <- local_experiment()
  source <- local_script("job.R", c(
    "arguments <- commandArgs(TRUE)",
    "rank <- Sys.getenv('RANK')",
    "line <- paste(readLines(arguments[1]), rank, Sys.getenv('WORLD_SIZE'))",
    "writeLines(line, file.path(Sys.getenv('TANDEMLAB_OUTPUT_model'), paste0(rank, '.txt')))"
  ))
  writeLines("two words", file.path(source, "data.txt"))
  config <- script_run_config(
    source, "job.R", list("${inputs.data}"),
    inputs = c(data = "data.txt"), outputs = "model",
    distribution = list(process_count_per_node = 2)
  )
  run <- submit_experiment(exp, config)
  wait_for_run_completion(run, show_output = FALSE, timeout_seconds = 120)
  lines <- vapply(c("outputs/model/0.txt", "outputs/model/1.txt"), function(name) {
    readLines(download_file_from_run(run, name, withr::local_tempfile()))
  }, "")
  expect_identical(unname(lines), c("two words 0 2", "two words 1 2"))
})
