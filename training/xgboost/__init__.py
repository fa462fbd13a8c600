"""The XGBoost family: the return model that votes, and the classifiers of trends and charts."""
