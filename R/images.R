#' Log an image
#'
#' The image becomes a file of the run, `images/NAME.png` (or the extension of its kind); where that
#' name is taken, a number is added.
#'
#' @inheritParams log_metric_to_run
#' @param path Path of an image file: PNG, JPEG, GIF, BMP, WebP, TIFF or SVG.
#' @param plot A ggplot or lattice plot, a recorded plot ([grDevices::recordPlot()]), a function
#'   without arguments that draws, or drawing code in braces or as a call, such as
#'   `plot = hist(x)`. Drawn as a PNG. Give either `path` or `plot`.
#' @param description Optional text, kept with the image.
#' @param width,height Size of the drawing in inches.
#' @param resolution Dots per inch.
#' @return The name of the run's file, invisibly.
#' @examplesIf capabilities("png")
#' owd <- setwd(tempdir())
#' run <- suppressWarnings(get_current_run())
#' log_image_to_run("weights", plot = hist(mtcars$wt), run = run)
#' setwd(owd)
#' @export
log_image_to_run <- function(name, path = NULL, plot = NULL, description = "", run = NULL,
                             width = 7, height = 5, resolution = 120) {
  if (is.null(path) == missing(plot)) {
    abort_input("Give either the path of an image, or a plot.")
  }
  directory <- run_directory(run)
  if (is.null(path)) {
    file <- tempfile(fileext = ".png")
    on.exit(unlink(file))
    draw(plot, file, arg_number(width), arg_number(height), arg_number(resolution))
    extension <- ".png"
  } else {
    file <- arg_path(path)
    extension <- image_extension(file)
  }
  stored <- store_image(directory, arg_string(name), file, extension)
  problem <- .Call(C_log_other, directory, "image", name, list(file = stored), description)
  if (!is.null(problem)) {
    refuse_event(problem, name, what = "image")
  }
  invisible(stored)
}

# Draws into a file. `plot` is a promise: drawing code runs only now, on the file's device.
draw <- function(plot, file, width, height, resolution) {
  grDevices::png(file, width, height, units = "in", res = resolution)
  device <- grDevices::dev.cur()
  on.exit(grDevices::dev.off(device))
  drawn <- plot
  if (is.function(drawn)) {
    drawn()
  } else if (inherits(drawn, "recordedplot")) {
    grDevices::replayPlot(drawn)
  } else if (inherits(drawn, c("gg", "ggplot", "trellis", "grob"))) {
    print(drawn)
  }
}

image_extension <- function(path) {
  if (!file.exists(path) || dir.exists(path)) {
    abort_input(sprintf("There is no image at %s.", path), details = list(path = path))
  }
  start <- readBin(path, "raw", 256)
  for (extension in names(image_starts)) {
    for (magic in image_starts[[extension]]) {
      if (identical(start[seq_along(magic)], magic)) {
        return(extension)
      }
    }
  }
  if (length(grepRaw("<svg", start, fixed = TRUE)) > 0) {
    return(".svg")
  }
  abort_input(
    sprintf("%s is not an image (PNG, JPEG, GIF, BMP, WebP, TIFF or SVG).", path),
    details = list(path = path)
  )
}

image_starts <- list(
  .png = list(as.raw(c(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a))),
  .jpg = list(as.raw(c(0xff, 0xd8, 0xff))),
  .gif = list(charToRaw("GIF87a"), charToRaw("GIF89a")),
  .bmp = list(charToRaw("BM")),
  .webp = list(charToRaw("RIFF")),
  .tiff = list(as.raw(c(0x49, 0x49, 0x2a, 0x00)), as.raw(c(0x4d, 0x4d, 0x00, 0x2a)))
)

# Stores under the first name that is free.
store_image <- function(directory, name, file, extension) {
  base <- gsub("[^[:alnum:]_.-]+", "_", name)
  base <- substr(gsub("^[._]+|[._]+$", "", base), 1, 100)
  if (!nzchar(base)) {
    base <- "image"
  }
  number <- 1L
  repeat {
    suffix <- if (number > 1L) paste0("_", number) else ""
    stored <- sprintf("images/%s%s%s", base, suffix, extension)
    if (put_file(directory, stored, file, taken_ok = TRUE)) {
      return(stored)
    }
    number <- number + 1L
  }
}
