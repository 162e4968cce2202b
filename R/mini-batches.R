# The R processes of a parallel run (python/tandemlab/pipelines/mini_batches.py): each loads the
# script once and runs the mini-batches that come in, until there are none.

run_mini_batches <- function() {
  call <- jsonlite::fromJSON(Sys.getenv("TANDEMLAB_PARALLEL_CALL"), simplifyVector = FALSE)
  Sys.unsetenv("TANDEMLAB_PARALLEL_CALL")
  stopifnot(.Call(C_worker_start, call[["in"]], call$out, call$parent))
  options(device = function(...) grDevices::pdf(NULL, ...))
  send <- function(answer) {
    .Call(C_worker_send, call$out, as.character(jsonlite::toJSON(answer, auto_unbox = TRUE)))
  }
  begun <- tryCatch(
    {
      load_mini_batch_script(call$script)
      empty_map()
    },
    error = function(error) list(error = conditionMessage(error), is_init = TRUE)
  )
  send(begun)
  while (is.null(begun$error) && !is.null(text <- .Call(C_worker_receive, call[["in"]])) &&
    text != "null") {
    request <- jsonlite::fromJSON(text, simplifyVector = FALSE)
    send(answer_mini_batch(request, call$output_type))
  }
  quit("no")
}

load_mini_batch_script <- function(script) {
  sys.source(script, envir = globalenv(), keep.source = FALSE)
  if (!exists("run", globalenv(), mode = "function", inherits = FALSE)) {
    abort_input(
      sprintf("%s has no function run.", script),
      "Define run(mini_batch), which gives its results."
    )
  }
  if (exists("init", globalenv(), mode = "function", inherits = FALSE)) {
    get("init", globalenv())()
  }
}

answer_mini_batch <- function(request, type) {
  tryCatch(
    {
      value <- get("run", globalenv())(mini_batch_of(request))
      keep_mini_batch(value, request$result, type)
      empty_map()
    },
    error = function(error) list(error = conditionMessage(error))
  )
}

mini_batch_of <- function(request) {
  if (is.null(request$rows)) {
    if (is.null(request$paths)) {
      return(jsonlite::fromJSON(
        jsonlite::toJSON(request$items, auto_unbox = TRUE, digits = NA),
        simplifyDataFrame = FALSE
      ))
    }
    return(as.character(unlist(request$paths)))
  }
  frame <- read_frame(request$input)
  rows <- seq_len(request$rows[[2]] - request$rows[[1]]) + request$rows[[1]]
  frame <- frame[rows, , drop = FALSE]
  if (is.integer(attr(frame, "row.names"))) rownames(frame) <- NULL
  frame
}

keep_mini_batch <- function(value, result, type) {
  part <- file.path(dirname(result), sprintf(".%d-%s", Sys.getpid(), basename(result)))
  if (is.null(type)) {
    writeLines(character(), part)
  } else if (type == "table") {
    write_frame(value, part)
  } else {
    value <- if (type == "file") as.list(as.character(unlist(value))) else as.list(value)
    jsonlite::write_json(unname(value), part, auto_unbox = TRUE, digits = NA, null = "null")
  }
  file.rename(part, result)
}
