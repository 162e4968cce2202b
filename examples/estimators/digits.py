"""Which digit is it? A support vector machine of scikit-learn on the digits that it comes with.

python digits.py --gamma 0.001
"""

from __future__ import annotations

import argparse
from pathlib import Path

import joblib
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from tandemlab import get_current_run

parser = argparse.ArgumentParser()
parser.add_argument("--gamma", type=float, default=0.001)
arguments = parser.parse_args()

images, digits = load_digits(return_X_y=True)
train, test, known, asked = train_test_split(
    images, digits, test_size=0.25, random_state=1, stratify=digits
)
model = SVC(gamma=arguments.gamma).fit(train, known)
found = model.predict(test)

run = get_current_run()
run.log("accuracy", accuracy_score(asked, found))
run.log_confusion_matrix(
    "confusion",
    {"class_labels": [str(digit) for digit in range(10)], "matrix": confusion_matrix(asked, found)},
)
Path("outputs").mkdir(exist_ok=True)
joblib.dump(model, "outputs/model.joblib")
print(f"Fitted to {len(train)} digits, tested on {len(test)}.")
