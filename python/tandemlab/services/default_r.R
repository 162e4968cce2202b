# Answers by a model's own predict(): the script of a service that has none of its own. A request is
# a list of records; the answer is {"predictions": [...]}. The service's process has checked it by
# the model's signature, if there is one.

init <- function() {
  about <- jsonlite::fromJSON("model.json", simplifyVector = FALSE)
  model <- readRDS(list.files(Sys.getenv("TANDEMLAB_MODEL_DIR"), full.names = TRUE)[[1]])
  columns <- about$signature$inputs$columns
  function(data) {
    newdata <- if (is.null(columns)) {
      as.data.frame(jsonlite::fromJSON(data))
    } else {
      as_frame(tandemlab:::from_json(data), columns)
    }
    found <- if (inherits(model, "glm")) {
      predict(model, newdata, type = "response")
    } else {
      predict(model, newdata)
    }
    list(predictions = if (is.atomic(found)) unname(found) else found)
  }
}

# The data frame that a model was trained on had these columns; what is absent is missing.
as_frame <- function(records, columns) {
  data <- lapply(columns, function(column) {
    values <- lapply(records, `[[`, column$name)
    values[lengths(values) == 0] <- NA
    as_column(if (length(values) == 0) character() else unlist(values), column)
  })
  names(data) <- vapply(columns, `[[`, "", "name")
  structure(data, class = "data.frame", row.names = .set_row_names(length(records)))
}

as_column <- function(values, column) {
  if (!is.null(column$values)) {
    return(factor(values, levels = unlist(column$values)))
  }
  switch(column$type,
    boolean = as.logical(values),
    integer = as.integer(values),
    double = as.double(values),
    date = as.Date(values),
    datetime = as.POSIXct(sub("T", " ", sub("Z$", "", values), fixed = FALSE), tz = "UTC"),
    as.character(values)
  )
}
