library(testthat)
library(tandemlab)

test_check("tandemlab")
