# The R process behind tandemlab.bridge.run_r: it answers one call of Python's after another. Texts
# go through two pipes of their own, so that what R prints stays the user's.

worker_protocol <- 2L

# Answers calls until Python closes the pipe. Interrupts are let in only where a call's own code
# runs, so that none can tear a text apart.
run_worker <- function(input, output, parent, folder) {
  on.exit(unlink(folder, recursive = TRUE))
  stopifnot(.Call(C_worker_start, input, output, parent))
  options(device = function(...) grDevices::pdf(NULL, ...))
  clear_variables()
  send <- function(text) .Call(C_worker_send, output, text)
  send(write_value(list(
    version = package_version_text(), protocol = worker_protocol,
    r = as.character(getRversion()), temporary = tempdir()
  ), scalars = TRUE))
  suspendInterrupts(
    while (!is.null(text <- .Call(C_worker_receive, input))) {
      tryCatch(allowInterrupts(NULL), interrupt = function(late) NULL) # of a call that has ended
      if (!send("{\"begun\":true}") || !send(answer_call(text, send))) {
        break
      }
    }
  )
}

answer_call <- function(text, send) {
  call <- from_json(text)
  state <- keep_session()
  on.exit(restore_session(state))
  setwd(call$directory)
  seen <- new.env(parent = emptyenv())
  seen$warnings <- list()
  frame_file <- new_frame_files(call$folder)
  value <- tryCatch(
    listening(seen, send, {
      inputs <- read_form(call$inputs, function(name) {
        do.call(read_frame, c(file.path(call$folder, name), call$frames))
      })
      result <- evaluate_call(call, inputs)
      write_value(result, what = "The result", frame = frame_file)
    }),
    error = function(problem) structure(problem_form(problem, seen), class = "problem"),
    interrupt = function(condition) structure("{\"kind\":\"interrupt\"}", class = "problem")
  )
  field <- if (inherits(value, "problem")) "error" else "value"
  warnings <- write_value(shown_warnings(seen), scalars = TRUE)
  sprintf("{\"%s\":%s,\"warnings\":%s}", field, unclass(value), warnings)
}

# Takes note of warnings and of where an error came up, and sends messages at once.
listening <- function(seen, send, code) {
  withCallingHandlers(
    code,
    error = function(problem) seen$calls <- sys.calls(),
    warning = function(condition) {
      level <- getOption("warn")
      if (level < 2) {
        if (level >= 0) {
          seen$warnings[[length(seen$warnings) + 1]] <- condition
        }
        tryInvokeRestart("muffleWarning")
      }
    },
    message = function(condition) {
      text <- sub("\n$", "", conditionMessage(condition))
      send(sprintf("{\"message\":%s}", write_value(valid_text(text), scalars = TRUE)))
      tryInvokeRestart("muffleMessage")
    }
  )
}

# The value of the call's text: of a function that gets the inputs, or of code that has them as
# variables, or else the variables that are asked for.
evaluate_call <- function(call, inputs) {
  code <- tryCatch(
    parse(text = call$code, keep.source = FALSE, encoding = "UTF-8"),
    error = function(problem) {
      abort_input(sprintf("The code is no R code: %s", conditionMessage(problem)))
    }
  )
  if (length(code) == 1 && is.call(code[[1]]) && identical(code[[1]][[1]], quote(`function`))) {
    place <- new.env(parent = globalenv())
    list2env(inputs, place)
    name <- utils::tail(make.unique(c(names(inputs), "f")), 1)
    assign(name, eval(code[[1]], globalenv()), place)
    arguments <- structure(lapply(names(inputs), as.name), names = names(inputs))
    return(user_code(eval(as.call(c(as.name(name), arguments)), place)))
  }
  list2env(inputs, globalenv())
  value <- user_code(eval(code, globalenv()))
  if (is.null(call$variables)) value else named_variables(as.character(call$variables))
}

# Where interrupts are let in, and where tracebacks begin.
user_code <- function(code) allowInterrupts(code)

named_variables <- function(names) {
  absent <- names[!vapply(names, exists, NA, envir = globalenv(), inherits = FALSE)]
  if (length(absent) > 0) {
    abort_tandemlab(
      "not_found", sprintf("The code has made no variable '%s'.", absent[[1]]),
      "Every name in outputs must be a variable when the code ends.", list(name = absent[[1]])
    )
  }
  mget(names, globalenv())
}

new_frame_files <- function(folder) {
  count <- 0L
  function(x) {
    count <<- count + 1L
    name <- sprintf("out-%d.arrow", count)
    write_frame(x, file.path(folder, name))
    name
  }
}

problem_form <- function(problem, seen) {
  call <- conditionCall(problem)
  said <- list(
    kind = "error", message = valid_text(conditionMessage(problem)),
    classes = as.list(setdiff(class(problem), "condition")),
    call = if (!is.null(call)) one_line(call), traceback = as.list(traceback_lines(seen$calls))
  )
  write_value(said, scalars = TRUE)
}

# The calls between user_code() and the machinery that raised the error.
traceback_lines <- function(calls) {
  called <- vapply(calls, function(call) {
    if (is.name(call[[1]])) as.character(call[[1]]) else ""
  }, "")
  from <- match("user_code", called)
  if (is.na(from)) {
    return(character())
  }
  raising <- which(called %in% c(".handleSimpleError", "h", "stop", "abort", "signalCondition"))
  to <- min(c(length(calls), raising[raising > from] - 1L))
  inner <- utils::head(calls, to)[-seq_len(from)]
  wrapped <- vapply(inner, function(call) is.name(call[[1]]) && call[[1]] == "eval", NA)
  plain <- called[from + seq_along(inner)] == "allowInterrupts" | wrapped
  vapply(inner[cumsum(!plain) > 0], one_line, "")
}

one_line <- function(call) {
  lines <- deparse(call, width.cutoff = 80L, nlines = 2L)
  valid_text(if (length(lines) > 1) paste(lines[[1]], "...") else lines)
}

valid_text <- function(text) iconv(enc2utf8(text), "UTF-8", "UTF-8", sub = "byte")

shown_warnings <- function(seen) {
  shown <- utils::head(seen$warnings, 50)
  more <- length(seen$warnings) - length(shown)
  c(
    lapply(unname(shown), function(condition) {
      class <- grep("^tandemlab_warning_", class(condition), value = TRUE)
      call <- conditionCall(condition)
      list(
        code = if (length(class) > 0) sub("^tandemlab_warning_", "", class[[1]]) else "r",
        message = valid_text(conditionMessage(condition)),
        call = if (!is.null(call)) one_line(call)
      )
    }),
    if (more > 0) list(list(code = "r", message = sprintf("%d more warnings", more), call = NULL))
  )
}

# What a call may change and the next must not see.
keep_session <- function() {
  list(
    options = options(), variables = Sys.getenv(), directory = getwd(), search = search(),
    random = RNGkind(), connections = getAllConnections()
  )
}

clear_variables <- function() rm(list = ls(globalenv(), all.names = TRUE), envir = globalenv())

restore_session <- function(state) {
  while (sink.number() > 0) sink()
  if (sink.number("message") != 2) sink(type = "message")
  grDevices::graphics.off()
  for (connection in setdiff(getAllConnections(), state$connections)) {
    try(close(getConnection(connection)), silent = TRUE)
  }
  for (attached in setdiff(search(), state$search)) {
    try(detach(attached, character.only = TRUE), silent = TRUE)
  }
  do.call(RNGkind, as.list(state$random))
  clear_variables()
  added <- setdiff(names(options()), names(state$options))
  options(c(state$options, structure(vector("list", length(added)), names = added)))
  now <- Sys.getenv()
  Sys.unsetenv(setdiff(names(now), names(state$variables)))
  changed <- names(state$variables)[!state$variables %in% now | is.na(now[names(state$variables)])]
  if (length(changed) > 0) do.call(Sys.setenv, as.list(state$variables[changed]))
  setwd(state$directory)
}
