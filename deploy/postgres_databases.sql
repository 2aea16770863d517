CREATE DATABASE mlflow OWNER darkstar;
