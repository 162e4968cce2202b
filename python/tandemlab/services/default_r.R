# Answers by a model's own predict(): the script of a service that has none of its own. A request is
# a list of records; the answer is {"predictions": [...]}. The service's process has checked it by
# the model's signature, if there is one.

init <- function() {
  about <- jsonlite::fromJSON("model.json", simplifyVector = FALSE)
  model <- readRDS(list.files(Sys.getenv("TANDEMLAB_MODEL_DIR"), full.names = TRUE)[[1]])
  columns <- about$signature$inputs$columns
  function(data) {
    newdata <- as_columns(jsonlite::fromJSON(data), columns)
    found <- if (inherits(model, "glm")) {
      predict(model, newdata, type = "response")
    } else {
      predict(model, newdata)
    }
    list(predictions = if (is.atomic(found)) unname(found) else found)
  }
}

# The data frame that a model was trained on had these columns; those that are absent are missing.
as_columns <- function(data, columns) {
  data <- as.data.frame(data)
  for (column in columns) {
    values <- data[[column$name]]
    if (is.null(values)) {
      values <- rep(NA, nrow(data))
    }
    data[[column$name]] <- as_column(values, column)
  }
  data
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
