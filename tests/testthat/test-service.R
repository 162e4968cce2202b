# Services on this machine, by scripts of R.

predict_script <- c(
  "library(jsonlite)",
  "init <- function() {",
  "  model <- readRDS(file.path(Sys.getenv('AZUREML_MODEL_DIR'), 'model.rds'))",
  "  message('the model is here')",
  "  function(data) {",
  "    newdata <- fromJSON(data)",
  "    if (is.data.frame(newdata)) {",
  "      return(toJSON(unname(predict(model, newdata, type = 'response')), digits = NA))",
  "    }",
  "    stop('of the script')",
  "  }",
  "}"
)

# tier: full
test_that("an R model is deployed, asked, changed and deleted", {
  ws <- local_experiment()$workspace
  fit <- glm(am ~ wt, binomial, mtcars)
  model <- file.path(withr::local_tempdir(), "model.rds")
  saveRDS(fit, model)
  source <- local_script("score.R", predict_script)
  before <- list.files(source, all.files = TRUE)
  config <- inference_config("score.R", source, description = "cars")
  settings <- local_webservice_deployment_config(auth_enabled = TRUE)
  service <- deploy_model(ws, "cars", list(model), config, settings)
  withr::defer(if (!is.null(get_webservice(ws, "cars"))) delete_webservice(service))
  expect_output(wait_for_deployment(service, show_output = TRUE), "the model is here")
  expect_identical(service$state, "running")
  expect_match(service$scoring_uri, "^http://127.0.0.1:[0-9]+/score$")
  expect_error(
    deploy_model(ws, "cars", list(model), config),
    class = "tandemlab_error_already_exists"
  )

  cars <- data.frame(wt = c(2, 3.5))
  expected <- unname(predict(fit, cars, type = "response"))
  named <- structure(cars, row.names = paste("car", seq_len(nrow(cars))))
  expect_equal(invoke_webservice(service, named), expected)
  expect_equal(invoke_webservice(service, jsonlite::toJSON(cars)), expected)
  expect_error(invoke_webservice(service, "1"), class = "tandemlab_error_service_failed")
  logs <- get_webservice_logs(service)
  expect_match(logs, "of the script")
  expect_match(logs, "Error in run(text)", fixed = TRUE)

  token <- get_webservice_token(service, lifetime_seconds = 60)
  expect_named(token, c("access_token", "token_type", "refresh_after", "expiry_on"))
  expect_s3_class(token$access_token, "tandemlab_secret")
  expect_true(token$refresh_after < token$expiry_on && token$expiry_on < Sys.time() + 61)
  expect_error(get_webservice_token(service, 0), class = "tandemlab_error_invalid_input")
  keys <- get_webservice_keys(service)
  expect_named(keys, c("primary", "secondary"))
  key <- generate_new_webservice_key(service, "Primary")
  expect_false(as.character(key) == as.character(keys$primary))
  second <- generate_new_webservice_key(service, "secondary")
  expect_identical(as.character(get_webservice_keys(service)$secondary), as.character(second))
  expect_equal(invoke_webservice(service, cars), expected)

  writeLines("init <- function() function(data) list(answer = 42L)", file.path(source, "score.R"))
  reload_local_webservice_assets(service, wait = TRUE)
  expect_identical(invoke_webservice(service, "1"), list(answer = 42L))
  writeLines(predict_script, file.path(source, "score.R"))
  update_local_webservice(service, list(model), inference_config = config, wait = TRUE)
  expect_equal(invoke_webservice(service, cars), expected)
  expect_identical(scale_local_webservice(service, 2)$ready, 2L)
  expect_identical(list.files(source, all.files = TRUE), before)

  expect_identical(stop_local_webservice(service)$state, "stopped")
  expect_error(invoke_webservice(service, cars), class = "tandemlab_error_invalid_state")
  expect_equal(invoke_webservice(start_local_webservice(service), cars), expected)
  expect_identical(list_webservices(ws)$name, "cars")
  expect_null(delete_local_webservice(service))
  expect_null(get_webservice(ws, "cars"))
  expect_output(print(service), "deleted")
})

# What a service answers, once a process that has ended is replaced.
ask_until_available <- function(service, request) {
  repeat {
    answer <- tryCatch(
      list(invoke_webservice(service, request)),
      tandemlab_error_unavailable = function(problem) NULL
    )
    if (!is.null(answer)) {
      return(answer[[1]])
    }
  }
}

# tier: full
test_that("requests to a script are answered as the cases say", {
  ws <- local_experiment()$workspace
  cases <- yaml::read_yaml(
    file.path(cases_folder(), "services", "requests.yaml"),
    handlers = handlers
  )
  source <- local_script("score.R", cases$scripts$score.R)
  settings <- local_webservice_deployment_config(timeout_seconds = cases$timeout_seconds)
  service <- deploy_model(ws, "demo", list(), inference_config("score.R", source), settings)
  withr::defer(delete_webservice(service))
  wait_for_deployment(service)
  for (case in cases$requests) {
    ask <- function() ask_until_available(service, case$request)
    if (is.null(case$error)) {
      expect_identical(canonical(ask()), canonical(plain(case$answer)), label = case$request)
    } else {
      expect_error(ask(), case$says, class = paste0("tandemlab_error_", case$error))
    }
    if (!is.null(case$log)) expect_match(get_webservice_logs(service), case$log)
  }
  for (case in cases$broken) {
    cat(case$score.R, file = file.path(source, "score.R"))
    expect_error(
      reload_local_webservice_assets(service, wait = TRUE), case$says,
      class = "tandemlab_error_service_failed"
    )
  }
  expect_equal(invoke_webservice(service, "[{\"a\": 1}]"), list(rows = 1))
})

test_that("what cannot be deployed is refused by its argument", {
  expect_error(inference_config(3), class = "tandemlab_error_invalid_input")
  expect_error(
    inference_config("a.R", check_inputs = 1), "check_inputs",
    class = "tandemlab_error_invalid_input"
  )
  expect_error(
    local_webservice_deployment_config(replicas = 0), "replicas",
    class = "tandemlab_error_invalid_input"
  )
  ws <- local_experiment()$workspace
  source <- local_script("score.R", "init <- 3")
  config <- inference_config("score.R", source)
  expect_error(deploy_model(ws, "a", 3, config), "models", class = "tandemlab_error_invalid_input")
  expect_error(deploy_model(ws, "a", list(), source), class = "tandemlab_error_invalid_input")
  expect_error(
    deploy_model(ws, "a", list(), config, deployment_target = "aks"), "local",
    class = "tandemlab_error_invalid_input"
  )
  expect_error(
    deploy_model(ws, "a", list(), inference_config("nope.R", source)), "nope.R",
    class = "tandemlab_error_invalid_input"
  )
  expect_error(
    deploy_model(ws, "a", list(), inference_config("score.R", source, check_inputs = TRUE)),
    "signature",
    class = "tandemlab_error_invalid_input"
  )
  expect_null(get_webservice(ws, "a"))
})

test_that("what the core advises is in R's words", {
  said <- "See `tandemlab service logs cars`, or give overwrite=True; see `tandemlab model list`."
  expect_identical(
    tandemlab:::in_r_words(said),
    "See get_webservice_logs(), or give overwrite = TRUE; see list_models()."
  )
})

test_that("answers of scripts are JSON: vectors are arrays, numbers keep every bit", {
  answer <- tandemlab:::as_answer
  found <- answer(list(p = c(0.1 + 0.2, NA, Inf), who = list(a = "\u00e4\"b", ok = TRUE)))
  expected <- '{"p":[0.30000000000000004,null,null],"who":{"a":["\u00e4\\"b"],"ok":[true]}}'
  expect_identical(found, expected)
  expect_identical(answer(1:3), "[1,2,3]")
  expect_identical(answer("text as it is"), "text as it is")
  expect_identical(answer(list(a = jsonlite::unbox(1), b = NULL)), '{"a":1,"b":null}')
  expect_identical(answer(data.frame(a = 1:2)), '[{"a":1},{"a":2}]')
  expect_identical(answer(list(factor("u"), as.Date("2002-12-31"))), '[["u"],["2002-12-31"]]')
  expect_error(answer(sum), "JSON cannot hold", class = "tandemlab_error_invalid_input")
})

test_that("a service becomes a folder that needs no workspace", {
  skip_unless_ready()
  ws <- local_experiment()$workspace
  script <- "init <- function() function(data) nrow(jsonlite::fromJSON(data))"
  source <- local_script("rows.R", script)
  config <- inference_config("rows.R", source)
  package <- package_model(
    ws, list(), config,
    generate_dockerfile = TRUE, name = "rows", base_image = "debian:12"
  )
  expect_output(print(package), "package of the service rows")
  expect_null(package$location)
  target <- file.path(withr::local_tempdir(), "saved")
  expect_identical(save_model_package_files(package, target), target)
  expect_identical(sort(list.files(target)), sort(list.files(package$folder)))
  expect_true(all(c("Dockerfile", "run.sh", "service", "core", "r") %in% list.files(target)))
  expect_identical(readLines(file.path(target, "Dockerfile"))[1], "FROM debian:12")
  expect_identical(wait_for_model_package_creation(package, show_output = TRUE), package)
  expect_identical(get_model_package_creation_logs(package), "")
  expect_error(
    save_model_package_files(package, target),
    class = "tandemlab_error_already_exists"
  )
  expect_error(package_model(ws, list(), config), class = "tandemlab_error_invalid_input")
  expect_error(save_model_package_files(list(), target), class = "tandemlab_error_invalid_input")
})
