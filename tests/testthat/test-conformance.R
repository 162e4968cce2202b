# The cases of tests/conformance, run through the public R functions.

read_cases <- function() {
  files <- list.files(cases_folder(), "[.]yaml$", full.names = TRUE)
  if (length(files) == 0 || !requireNamespace("yaml", quietly = TRUE)) {
    return(list())
  }
  unlist(lapply(files, function(file) {
    cases <- yaml::read_yaml(file, handlers = handlers)
    lapply(cases, function(case) c(list(file = basename(file)), case))
  }), recursive = FALSE)
}

new_player <- function(case, server = NULL) {
  folder <- withr::local_tempdir(.local_envir = parent.frame())
  # Secrets and what a check finds are the whole workspace's.
  is_shared <- !any(grepl("secrets|^check$", unlist(lapply(case$do, names))))
  name <- if (is_shared) "lab" else basename(folder)
  place <- if (is.null(server)) file.path(folder, "lab") else paste0(server$url, "/", name)
  workspace <- create_workspace(place, exist_ok = !is.null(server), show_output = FALSE)
  player <- new.env()
  player$folder <- folder
  player$workspace <- workspace
  player$need_run <- function() {
    if (is.null(player$run)) {
      player$run <- start_logging_run(experiment(workspace, "conformance"))
    }
    player$run
  }
  player
}

verbs <- list(
  log = function(player, name, value = NULL, step = NULL) {
    log_metric_to_run(name, plain(value), player$need_run(), step = step)
  },
  log_list = function(player, name, value) {
    log_list_to_run(name, plain(value), run = player$need_run())
  },
  log_row = function(player, name, columns) {
    log_row_to_run(name, plain(columns), run = player$need_run())
  },
  log_table = function(player, name, value) {
    columns <- lapply(plain(value), function(column) {
      if (is.list(column)) unlist(column, use.names = FALSE) else column
    })
    log_table_to_run(name, columns, run = player$need_run())
  },
  log_confusion_matrix = function(player, name, value) {
    log_confusion_matrix_to_run(name, value, run = player$need_run())
  },
  log_residuals = function(player, name, value) {
    log_residuals_to_run(name, value, run = player$need_run())
  },
  log_predictions = function(player, name, value) {
    log_predictions_to_run(name, value, run = player$need_run())
  },
  log_accuracy_table = function(player, name, value) {
    log_accuracy_table_to_run(name, value, run = player$need_run())
  },
  param = function(player, name, value = NULL) {
    log_param_to_run(name, plain(value), player$need_run())
  },
  find = function(player, filter = NULL, order_by = NULL) {
    runs <- get_runs(player$workspace, filter, order_by = order_by)
    player$found <- lapply(runs, function(run) run$display_name)
  },
  history = function(player, name, max_points = 1000) {
    player$history <- get_run_metric_history(player$need_run(), name, max_points)
  },
  compare = function(player, left, right) {
    runs <- lapply(c(left, right), function(name) {
      get_runs(player$workspace, sprintf("display_name = '%s'", name), limit = 1)[[1]]
    })
    table <- as.data.frame(compare_runs(runs[[1]], runs[[2]]))
    table <- table[table$differs & table$group != "run", ]
    player$differences <- as.list(paste(table$group, table$name, sep = "."))
  },
  lineage = function(player) {
    links <- as.data.frame(get_run_lineage(player$need_run()))
    player$links <- as.list(paste(links$source_kind, links$relation, links$target_kind))
  },
  register_model = function(player, name, content = NULL, file = "m.txt", ...) {
    path <- file.path(player$folder, file)
    if (!is.null(content)) cat(content, file = path)
    register_model(player$workspace, path, name, ...)
  },
  try_models = function(player, names) {
    player$refused <- lapply(names, function(name) {
      problem <- expect_error(verbs$register_model(player, name, "1"))
      sub("tandemlab_error_", "", class(problem)[[1]])
    })
  },
  register_model_from_run = function(player, name, path) {
    register_model_from_run(player$need_run(), name, path)
  },
  get_model = function(player, model) player$model <- get_model(player$workspace, model),
  list_models = function(player, name) {
    player$models <- as.list(list_models(player$workspace, name)$id)
  },
  set_model_alias = function(player, model, alias) {
    set_model_alias(get_model(player$workspace, model), alias)
  },
  remove_model_alias = function(player, model, alias) {
    remove_model_alias(get_model(player$workspace, model), alias)
  },
  change_model = function(player, model, ..., tags = NULL) {
    tags <- lapply(tags, function(value) if (is.null(value)) NA else value)
    update_model(get_model(player$workspace, model), tags = tags, ...)
  },
  delete_model = function(player, model) delete_model(get_model(player$workspace, model)),
  download_model = function(player, model) {
    path <- download_model(get_model(player$workspace, model), file.path(player$folder, "copy"))
    files <- if (dir.exists(path)) list.files(path, full.names = TRUE) else path
    texts <- lapply(files, function(file) readChar(file, file.size(file), useBytes = TRUE))
    player$model_files <- stats::setNames(texts, basename(files))
  },
  new_run = function(player, name) {
    player$run <- start_logging_run(
      experiment(player$workspace, "conformance"),
      display_name = name
    )
  },
  tag = function(player, name, value = NULL) set_run_tag(player$need_run(), name, value),
  untag = function(player, name) remove_run_tags(player$need_run(), name),
  property = function(player, name, value) {
    add_run_properties(player$need_run(), stats::setNames(list(value), name))
  },
  upload = function(player, name, content) {
    source <- file.path(player$folder, "to_upload.txt")
    cat(content, file = source)
    upload_files_to_run(name, source, player$need_run())
  },
  complete = function(player) complete_run(player$need_run()),
  fail = function(player, message) fail_run(player$need_run(), message),
  cancel = function(player) cancel_run(player$need_run()),
  child = function(player, name) player$run <- create_child_run(player$need_run(), name),
  get_run = function(player, id) get_run(player$workspace, id),
  create_experiment = function(player, name) {
    player$experiment <- experiment(player$workspace, name)$name
  },
  create_workspace = function(player, name) {
    create_workspace(file.path(player$folder, name), show_output = FALSE)
  },
  set_secrets = function(player, secrets) set_secrets(vault_of(player), secrets),
  delete_secrets = function(player, names) delete_secrets(vault_of(player), names),
  get_secrets = function(player, names) {
    player$secrets <- get_secrets(vault_of(player), names)
  },
  get_secrets_from_run = function(player, names) {
    player$secrets <- get_secrets_from_run(player$need_run(), names)
  },
  write = function(player, path, content) {
    path <- if (is.null(player$run)) path else sub("RUN", player$run$id, path)
    cat(content, file = file.path(player$workspace$path, path))
  },
  check = function(player, repair = FALSE, deep = FALSE) {
    player$findings <- check_workspace(player$workspace, repair, deep)
  },
  submit = function(player, r, python, arguments = NULL) {
    source <- file.path(player$folder, "source")
    dir.create(source)
    cat(r, file = file.path(source, "job.R"))
    config <- script_run_config(source, "job.R", spread(arguments))
    player$run <- submit_experiment(experiment(player$workspace, "conformance"), config)
    wait_for_run_completion(
      player$run,
      show_output = FALSE, raise_on_error = FALSE, timeout_seconds = 60
    )
  }
)

vault_of <- function(player) get_default_keyvault(player$workspace)

# In R the flags of a mapping are named elements of the list itself.
spread <- function(arguments) {
  do.call(c, lapply(arguments, function(x) if (is.list(x)) x else list(x)))
}

found <- list(
  metrics = function(player) get_run_metrics(player$need_run()),
  tags = function(player) get_run_tags(player$need_run()),
  params = function(player) get_run_params(player$need_run()),
  found = function(player) player$found,
  differences = function(player) player$differences,
  links = function(player) player$links,
  models = function(player) player$models,
  model_files = function(player) player$model_files,
  refused = function(player) player$refused,
  model = function(player) {
    found <- unclass(player$model)[c("id", "format", "tags", "properties", "aliases")]
    c(found, list(description = player$model$description))
  },
  history = function(player) player$history[c("index", "step", "value")],
  properties = function(player) get_run_properties(player$need_run()),
  status = function(player) player$need_run()$status,
  exit_code = function(player) player$need_run()$exit_code,
  error = function(player) get_run_details(player$need_run())$error$message,
  experiment = function(player) player$experiment,
  secrets = function(player) {
    lapply(player$secrets, function(secret) if (!is.null(secret)) as.character(secret))
  },
  findings = function(player) {
    lapply(seq_len(nrow(player$findings)), function(row) {
      found <- as.list(player$findings[row, c("code", "where", "repaired")])
      if (!is.null(player$run)) found$where <- sub(player$run$id, "RUN", found$where)
      found
    })
  },
  secret_names = function(player) list_secrets(vault_of(player)),
  files = function(player) contents(player, ""),
  output_files = function(player) contents(player, "outputs/"),
  printed = function(player) {
    get_run_details_with_logs(player$need_run())$logFiles[["user_logs/std_log.txt"]]
  }
)

contents <- function(player, prefix) {
  names <- get_run_file_names(player$run)
  names <- names[startsWith(names, prefix)]
  target <- file.path(player$folder, "downloaded.txt")
  texts <- lapply(names, function(name) {
    download_file_from_run(player$run, name, target)
    readChar(target, file.size(target), useBytes = TRUE)
  })
  stats::setNames(texts, names)
}

play <- function(player, step) {
  arguments <- step[[1]]
  do.call(verbs[[names(step)[[1]]]], c(list(player), arguments))
}

check_case <- function(case, server = NULL) {
  skip_unless_ready()
  player <- new_player(case, server)
  withr::defer(session$stack <- list())
  steps <- case$do
  for (step in utils::head(steps, -1)) play(player, step)
  last <- steps[[length(steps)]]
  if (is.null(case$error)) {
    play(player, last)
  } else {
    expect_error(play(player, last), class = paste0("tandemlab_error_", case$error))
  }
  for (what in names(case$then)) {
    expected <- case$then[[what]]
    if (setequal(names(expected), c("python", "r"))) {
      expected <- expected$r
    }
    expect_identical(
      canonical(found[[what]](player)), canonical(plain(expected)),
      label = paste(case$name, what, sep = ": ")
    )
  }
}

submits <- function(case) "submit" %in% names(case$do[[1]])

for (case in Filter(Negate(submits), read_cases())) {
  test_that(sprintf("%s: %s", sub("[.]yaml$", "", case$file), case$name), {
    check_case(case)
  })
}

for (case in Filter(submits, read_cases())) {
  # tier: full
  test_that(sprintf("%s: %s", sub("[.]yaml$", "", case$file), case$name), {
    check_case(case)
  })
}

# The folder that a case writes to is the server's.
stays_there <- function(case) "write" %in% unlist(lapply(case$do, names))

# tier: full
test_that("the cases hold in a workspace at a server", {
  server <- shared_server()
  cases <- Filter(function(case) !submits(case) && !stays_there(case), read_cases())
  expect_gt(length(cases), 10)
  for (case in cases) {
    check_case(case, server)
  }
})
