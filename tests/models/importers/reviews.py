"""Vectorisers and pipelines of the tested list that read texts, and the texts they are fitted with."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

TEXTS = [
    "Refund my invoice please, it is in the wrong currency",
    "charged twice on the same invoice",
    "Payment failed: card no. 4242 was declined, naïve me",
    "the app crashes at start and the phone gets hot",
    "crash on login screen, login crash again and again",
    "it freezes and crashes, crashes, crashes",
    "hello there, how do i rename my café?",
    "where is the button for the straße view",
    "nice product, x² better than that_other one",
] * 2
TOPICS = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 2, 1, 1, 1, 2, 2, 0])
WORDS = np.array(["billing", "crash", "other"], object)[TOPICS]

VECTORISERS: list[BaseEstimator] = [
    CountVectorizer(),
    CountVectorizer(lowercase=False, binary=True),
    CountVectorizer(ngram_range=(1, 3), max_features=40),
    CountVectorizer(ngram_range=(2, 2), binary=True),
    CountVectorizer(ngram_range=(1, 2), stop_words="english"),
    CountVectorizer(token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2)),
    CountVectorizer(token_pattern=r"\b[a-z]{3,}\b"),
    CountVectorizer(token_pattern=r"\b\w{4,6}\b"),
    CountVectorizer(token_pattern=r"[^\s,]+", lowercase=False),
    TfidfVectorizer(),
    TfidfVectorizer(sublinear_tf=True, norm="l1"),
    TfidfVectorizer(use_idf=False, norm=None, stop_words=["the", "it"]),
    make_pipeline(CountVectorizer(), TfidfTransformer(sublinear_tf=True)),
    make_union(CountVectorizer(), TfidfVectorizer(ngram_range=(2, 2))),
]

CLASSIFIERS: list[BaseEstimator] = [
    LogisticRegression(),
    SGDClassifier(random_state=0),
    LinearSVC(random_state=0),
    MultinomialNB(),
    BernoulliNB(),
    ComplementNB(),
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(10, random_state=0),
    GradientBoostingClassifier(n_estimators=10, random_state=0),
    make_pipeline(TruncatedSVD(3, random_state=0), LogisticRegression()),
]

REGRESSOR = Ridge()

ESTIMATORS = [*VECTORISERS, *CLASSIFIERS, REGRESSOR]
